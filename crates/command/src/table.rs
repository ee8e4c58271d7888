//! The table: one row per command.
//!
//! A row's text stands in the file of its family; here every command has a name in an enum and a number. The numbers
//! are what travels and what the log keeps: append-only, never reused. Who executes a command is said by the enum it is
//! in: [`EngineCommand`] by the shard's engine, [`ProxyCommand`] by the process the client is connected to. A
//! [`Container`] is executed by nobody: it only holds subcommands.

mod administration;
mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod index;
mod internal;
mod introspection;
mod json;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod stream;
mod string;
mod transactions;
mod zset;

pub(crate) use index::{Entry, find, named, visible};
pub use index::{lookup, resolve, rows};

use crate::CommandSpec;

/// Turns `Variant = id => row` lines into an enum, its rows and the link between them.
macro_rules! commands {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $id:literal => $row:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $name { $($variant = $id),+ }

        impl $name {
            /// All of them, in the order of the table.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The row of this command.
            pub const fn spec(self) -> &'static CommandSpec {
                match self { $($name::$variant => { const ROW: CommandSpec = $row; &ROW }),+ }
            }

            /// The number that stands for it on the wire and in the log; never reused.
            pub const fn id(self) -> u16 {
                self as u16
            }

            /// The command of that number.
            pub const fn from_id(id: u16) -> Option<$name> {
                match id { $($id => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

commands!(
    /// Commands that the engine executes.
    EngineCommand {
        Get = 1 => string::GET,
        Set = 2 => string::SET,
        Setnx = 3 => string::SETNX,
        Setex = 4 => string::SETEX,
        Psetex = 5 => string::PSETEX,
        Getset = 6 => string::GETSET,
        Getdel = 7 => string::GETDEL,
        Getex = 8 => string::GETEX,
        Mget = 9 => string::MGET,
        Mset = 10 => string::MSET,
        Msetnx = 11 => string::MSETNX,
        Append = 12 => string::APPEND,
        Strlen = 13 => string::STRLEN,
        Setrange = 14 => string::SETRANGE,
        Getrange = 15 => string::GETRANGE,
        Substr = 16 => string::SUBSTR,
        Incr = 17 => string::INCR,
        Decr = 18 => string::DECR,
        Incrby = 19 => string::INCRBY,
        Decrby = 20 => string::DECRBY,
        Incrbyfloat = 21 => string::INCRBYFLOAT,
        Lcs = 22 => string::LCS,
        Del = 23 => generic::DEL,
        Unlink = 24 => generic::UNLINK,
        Exists = 25 => generic::EXISTS,
        Touch = 26 => generic::TOUCH,
        Expire = 27 => generic::EXPIRE,
        Pexpire = 28 => generic::PEXPIRE,
        Expireat = 29 => generic::EXPIREAT,
        Pexpireat = 30 => generic::PEXPIREAT,
        Expiretime = 31 => generic::EXPIRETIME,
        Pexpiretime = 32 => generic::PEXPIRETIME,
        Ttl = 33 => generic::TTL,
        Pttl = 34 => generic::PTTL,
        Persist = 35 => generic::PERSIST,
        Type = 36 => generic::TYPE,
        Rename = 37 => generic::RENAME,
        Renamenx = 38 => generic::RENAMENX,
        Copy = 39 => generic::COPY,
        Move = 40 => generic::MOVE,
        Scan = 41 => generic::SCAN,
        Keys = 42 => generic::KEYS,
        Randomkey = 43 => generic::RANDOMKEY,
        ObjectEncoding = 44 => generic::OBJECT_ENCODING,
        ObjectRefcount = 45 => generic::OBJECT_REFCOUNT,
        ObjectIdletime = 46 => generic::OBJECT_IDLETIME,
        ObjectFreq = 47 => generic::OBJECT_FREQ,
        Dbsize = 48 => generic::DBSIZE,
        Flushdb = 49 => generic::FLUSHDB,
        Flushall = 50 => generic::FLUSHALL,
        Setbit = 51 => bitmap::SETBIT,
        Getbit = 52 => bitmap::GETBIT,
        Bitcount = 53 => bitmap::BITCOUNT,
        Bitpos = 54 => bitmap::BITPOS,
        Bitop = 55 => bitmap::BITOP,
        Bitfield = 56 => bitmap::BITFIELD,
        BitfieldRo = 57 => bitmap::BITFIELD_RO,
        Hset = 60 => hash::HSET,
        Hsetnx = 61 => hash::HSETNX,
        Hmset = 62 => hash::HMSET,
        Hget = 63 => hash::HGET,
        Hmget = 64 => hash::HMGET,
        Hdel = 65 => hash::HDEL,
        Hlen = 66 => hash::HLEN,
        Hstrlen = 67 => hash::HSTRLEN,
        Hexists = 68 => hash::HEXISTS,
        Hkeys = 69 => hash::HKEYS,
        Hvals = 70 => hash::HVALS,
        Hgetall = 71 => hash::HGETALL,
        Hincrby = 72 => hash::HINCRBY,
        Hincrbyfloat = 73 => hash::HINCRBYFLOAT,
        Hrandfield = 74 => hash::HRANDFIELD,
        Hscan = 75 => hash::HSCAN,
        Hexpire = 76 => hash::HEXPIRE,
        Hpexpire = 77 => hash::HPEXPIRE,
        Hexpireat = 78 => hash::HEXPIREAT,
        Hpexpireat = 79 => hash::HPEXPIREAT,
        Httl = 80 => hash::HTTL,
        Hpttl = 81 => hash::HPTTL,
        Hexpiretime = 82 => hash::HEXPIRETIME,
        Hpexpiretime = 83 => hash::HPEXPIRETIME,
        Hpersist = 84 => hash::HPERSIST,
        Hgetdel = 85 => hash::HGETDEL,
        Hgetex = 86 => hash::HGETEX,
        Hsetex = 87 => hash::HSETEX,
        Sadd = 100 => set::SADD,
        Srem = 101 => set::SREM,
        Sismember = 102 => set::SISMEMBER,
        Smismember = 103 => set::SMISMEMBER,
        Scard = 104 => set::SCARD,
        Smembers = 105 => set::SMEMBERS,
        Spop = 106 => set::SPOP,
        Srandmember = 107 => set::SRANDMEMBER,
        Smove = 108 => set::SMOVE,
        Sinter = 109 => set::SINTER,
        Sinterstore = 110 => set::SINTERSTORE,
        Sintercard = 111 => set::SINTERCARD,
        Sunion = 112 => set::SUNION,
        Sunionstore = 113 => set::SUNIONSTORE,
        Sdiff = 114 => set::SDIFF,
        Sdiffstore = 115 => set::SDIFFSTORE,
        Sscan = 116 => set::SSCAN,

        Dump = 400 => generic::DUMP,
        Restore = 401 => generic::RESTORE,
        Sort = 402 => generic::SORT,
        SortRo = 403 => generic::SORT_RO,
        JsonSet = 310 => json::SET,
        JsonGet = 311 => json::GET,
        JsonMget = 312 => json::MGET,
        JsonMset = 313 => json::MSET,
        JsonMerge = 314 => json::MERGE,
        JsonDel = 315 => json::DEL,
        JsonForget = 316 => json::FORGET,
        JsonType = 317 => json::TYPE,
        JsonClear = 318 => json::CLEAR,
        JsonToggle = 319 => json::TOGGLE,
        JsonResp = 320 => json::RESP,
        JsonNumincrby = 321 => json::NUMINCRBY,
        JsonNummultby = 322 => json::NUMMULTBY,
        JsonNumpowby = 323 => json::NUMPOWBY,
        JsonStrappend = 324 => json::STRAPPEND,
        JsonStrlen = 325 => json::STRLEN,
        JsonObjkeys = 326 => json::OBJKEYS,
        JsonObjlen = 327 => json::OBJLEN,
        JsonArrappend = 328 => json::ARRAPPEND,
        JsonArrindex = 329 => json::ARRINDEX,
        JsonArrinsert = 330 => json::ARRINSERT,
        JsonArrlen = 331 => json::ARRLEN,
        JsonArrpop = 332 => json::ARRPOP,
        JsonArrtrim = 333 => json::ARRTRIM,
        JsonDebugMemory = 334 => json::DEBUG_MEMORY,

        Lpush = 130 => list::LPUSH,
        Rpush = 131 => list::RPUSH,
        Lpushx = 132 => list::LPUSHX,
        Rpushx = 133 => list::RPUSHX,
        Lpop = 134 => list::LPOP,
        Rpop = 135 => list::RPOP,
        Llen = 136 => list::LLEN,
        Lrange = 137 => list::LRANGE,
        Lindex = 138 => list::LINDEX,
        Lset = 139 => list::LSET,
        Linsert = 140 => list::LINSERT,
        Lrem = 141 => list::LREM,
        Ltrim = 142 => list::LTRIM,
        Lpos = 143 => list::LPOS,
        Lmove = 144 => list::LMOVE,
        Rpoplpush = 145 => list::RPOPLPUSH,
        Lmpop = 146 => list::LMPOP,
        Blpop = 147 => list::BLPOP,
        Brpop = 148 => list::BRPOP,
        Blmove = 149 => list::BLMOVE,
        Brpoplpush = 150 => list::BRPOPLPUSH,
        Blmpop = 151 => list::BLMPOP,
        Zadd = 170 => zset::ZADD,
        Zincrby = 171 => zset::ZINCRBY,
        Zrem = 172 => zset::ZREM,
        Zcard = 173 => zset::ZCARD,
        Zcount = 174 => zset::ZCOUNT,
        Zlexcount = 175 => zset::ZLEXCOUNT,
        Zscore = 176 => zset::ZSCORE,
        Zmscore = 177 => zset::ZMSCORE,
        Zrank = 178 => zset::ZRANK,
        Zrevrank = 179 => zset::ZREVRANK,
        Zrange = 180 => zset::ZRANGE,
        Zrangestore = 181 => zset::ZRANGESTORE,
        Zrangebyscore = 182 => zset::ZRANGEBYSCORE,
        Zrevrangebyscore = 183 => zset::ZREVRANGEBYSCORE,
        Zrangebylex = 184 => zset::ZRANGEBYLEX,
        Zrevrangebylex = 185 => zset::ZREVRANGEBYLEX,
        Zrevrange = 186 => zset::ZREVRANGE,
        Zremrangebyrank = 187 => zset::ZREMRANGEBYRANK,
        Zremrangebyscore = 188 => zset::ZREMRANGEBYSCORE,
        Zremrangebylex = 189 => zset::ZREMRANGEBYLEX,
        Zpopmin = 190 => zset::ZPOPMIN,
        Zpopmax = 191 => zset::ZPOPMAX,
        Zmpop = 192 => zset::ZMPOP,
        Bzpopmin = 193 => zset::BZPOPMIN,
        Bzpopmax = 194 => zset::BZPOPMAX,
        Bzmpop = 195 => zset::BZMPOP,
        Zrandmember = 196 => zset::ZRANDMEMBER,
        Zscan = 197 => zset::ZSCAN,
        Zunion = 198 => zset::ZUNION,
        Zinter = 199 => zset::ZINTER,
        Zdiff = 200 => zset::ZDIFF,
        Zintercard = 201 => zset::ZINTERCARD,
        Zunionstore = 202 => zset::ZUNIONSTORE,
        Zinterstore = 203 => zset::ZINTERSTORE,
        Zdiffstore = 204 => zset::ZDIFFSTORE,
        Geoadd = 220 => geo::GEOADD,
        Geodist = 221 => geo::GEODIST,
        Geohash = 222 => geo::GEOHASH,
        Geopos = 223 => geo::GEOPOS,
        Geosearch = 224 => geo::GEOSEARCH,
        Geosearchstore = 225 => geo::GEOSEARCHSTORE,
        Georadius = 226 => geo::GEORADIUS,
        GeoradiusRo = 227 => geo::GEORADIUS_RO,
        Georadiusbymember = 228 => geo::GEORADIUSBYMEMBER,
        GeoradiusbymemberRo = 229 => geo::GEORADIUSBYMEMBER_RO,
        Xadd = 240 => stream::XADD,
        Xtrim = 241 => stream::XTRIM,
        Xlen = 242 => stream::XLEN,
        Xrange = 243 => stream::XRANGE,
        Xrevrange = 244 => stream::XREVRANGE,
        Xread = 245 => stream::XREAD,
        Xreadgroup = 246 => stream::XREADGROUP,
        Xack = 247 => stream::XACK,
        Xackdel = 248 => stream::XACKDEL,
        Xpending = 249 => stream::XPENDING,
        Xclaim = 250 => stream::XCLAIM,
        Xautoclaim = 251 => stream::XAUTOCLAIM,
        Xdel = 252 => stream::XDEL,
        Xdelex = 253 => stream::XDELEX,
        Xsetid = 254 => stream::XSETID,
        XgroupCreate = 255 => stream::XGROUP_CREATE,
        XgroupSetid = 256 => stream::XGROUP_SETID,
        XgroupDestroy = 257 => stream::XGROUP_DESTROY,
        XgroupCreateconsumer = 258 => stream::XGROUP_CREATECONSUMER,
        XgroupDelconsumer = 259 => stream::XGROUP_DELCONSUMER,
        XinfoStream = 260 => stream::XINFO_STREAM,
        XinfoGroups = 261 => stream::XINFO_GROUPS,
        XinfoConsumers = 262 => stream::XINFO_CONSUMERS,
        Pfadd = 290 => hyperloglog::PFADD,
        Pfcount = 291 => hyperloglog::PFCOUNT,
        Pfmerge = 292 => hyperloglog::PFMERGE,
        Pfdebug = 293 => hyperloglog::PFDEBUG,
        Pfselftest = 294 => hyperloglog::PFSELFTEST,
        Msetex = 300 => string::MSETEX,
        Delex = 301 => string::DELEX,
        Digest = 302 => string::DIGEST,
        Setting = 430 => internal::SETTING,
        Settings = 431 => internal::SETTINGS,
        Evict = 432 => internal::EVICT,
        MemoryFull = 433 => internal::MEMORY_FULL,

        // Transactions and blocking: what proxies send to shards.
        ExecuteAll = 380 => transactions::EXECUTE_ALL,
        WatchKeys = 381 => transactions::WATCH_KEYS,
        UnwatchKeys = 382 => transactions::UNWATCH_KEYS,
        CancelWaiter = 383 => transactions::CANCEL_WAITER,
        RenewWaiters = 384 => transactions::RENEW_WAITERS,
        Swapdb = 385 => transactions::SWAPDB,

        // Looking into the server.
        MemoryUsage = 450 => introspection::MEMORY_USAGE,
        ClusterCountkeysinslot = 451 => cluster::CLUSTER_COUNTKEYSINSLOT,
        ClusterGetkeysinslot = 452 => cluster::CLUSTER_GETKEYSINSLOT,
        // Scripts and functions.
        Eval = 350 => scripting::EVAL,
        Evalsha = 351 => scripting::EVALSHA,
        EvalRo = 352 => scripting::EVAL_RO,
        EvalshaRo = 353 => scripting::EVALSHA_RO,
        ScriptLoad = 354 => scripting::SCRIPT_LOAD,
        ScriptExists = 355 => scripting::SCRIPT_EXISTS,
        ScriptFlush = 356 => scripting::SCRIPT_FLUSH,
        ScriptKill = 357 => scripting::SCRIPT_KILL,
        Fcall = 358 => scripting::FCALL,
        FcallRo = 359 => scripting::FCALL_RO,
        FunctionLoad = 360 => scripting::FUNCTION_LOAD,
        FunctionList = 361 => scripting::FUNCTION_LIST,
        FunctionDelete = 362 => scripting::FUNCTION_DELETE,
        FunctionFlush = 363 => scripting::FUNCTION_FLUSH,
        FunctionDump = 364 => scripting::FUNCTION_DUMP,
        FunctionRestore = 365 => scripting::FUNCTION_RESTORE,
        FunctionStats = 366 => scripting::FUNCTION_STATS,
        FunctionKill = 367 => scripting::FUNCTION_KILL,
        ScriptText = 368 => scripting::SCRIPT_TEXT,
        ScriptLearn = 369 => scripting::SCRIPT_LEARN,
    }
);

commands!(
    /// Commands that the process answers to which the client is connected.
    ProxyCommand {
        Ping = 1 => connection::PING,
        Hello = 2 => connection::HELLO,
        Auth = 3 => connection::AUTH,
        Echo = 4 => connection::ECHO,
        Select = 5 => connection::SELECT,
        Quit = 6 => connection::QUIT,
        Reset = 7 => connection::RESET,
        ClientId = 8 => connection::CLIENT_ID,
        ClientInfo = 9 => connection::CLIENT_INFO,
        ClientList = 10 => connection::CLIENT_LIST,
        ClientSetname = 11 => connection::CLIENT_SETNAME,
        ClientGetname = 12 => connection::CLIENT_GETNAME,
        ClientSetinfo = 13 => connection::CLIENT_SETINFO,
        ClientKill = 14 => connection::CLIENT_KILL,
        ClientReply = 15 => connection::CLIENT_REPLY,
        ClientNoEvict = 16 => connection::CLIENT_NO_EVICT,
        ClientNoTouch = 17 => connection::CLIENT_NO_TOUCH,
        ClientHelp = 18 => connection::CLIENT_HELP,
        Command = 19 => server::COMMAND,
        CommandCount = 20 => server::COMMAND_COUNT,
        CommandList = 21 => server::COMMAND_LIST,
        CommandInfo = 22 => server::COMMAND_INFO,
        CommandDocs = 23 => server::COMMAND_DOCS,
        CommandGetkeys = 24 => server::COMMAND_GETKEYS,
        CommandGetkeysandflags = 25 => server::COMMAND_GETKEYSANDFLAGS,
        CommandHelp = 26 => server::COMMAND_HELP,
        Info = 27 => server::INFO,
        Time = 28 => server::TIME,
        ConfigGet = 29 => server::CONFIG_GET,
        ConfigSet = 30 => server::CONFIG_SET,
        ConfigResetstat = 31 => server::CONFIG_RESETSTAT,
        ConfigRewrite = 32 => server::CONFIG_REWRITE,
        ConfigHelp = 33 => server::CONFIG_HELP,
        Debug = 34 => server::DEBUG,
        ClusterKeyslot = 35 => cluster::CLUSTER_KEYSLOT,
        ClusterInfo = 36 => cluster::CLUSTER_INFO,
        ClusterMyid = 37 => cluster::CLUSTER_MYID,
        ClusterHelp = 38 => cluster::CLUSTER_HELP,
        Wait = 39 => server::WAIT,
        ObjectHelp = 40 => generic::OBJECT_HELP,
        JsonDebugHelp = 190 => json::DEBUG_HELP,

        // Channels.
        Subscribe = 80 => pubsub::SUBSCRIBE,
        Unsubscribe = 81 => pubsub::UNSUBSCRIBE,
        Psubscribe = 82 => pubsub::PSUBSCRIBE,
        Punsubscribe = 83 => pubsub::PUNSUBSCRIBE,
        Ssubscribe = 84 => pubsub::SSUBSCRIBE,
        Sunsubscribe = 85 => pubsub::SUNSUBSCRIBE,
        Publish = 86 => pubsub::PUBLISH,
        Spublish = 87 => pubsub::SPUBLISH,
        PubsubChannels = 88 => pubsub::PUBSUB_CHANNELS,
        PubsubNumsub = 89 => pubsub::PUBSUB_NUMSUB,
        PubsubNumpat = 90 => pubsub::PUBSUB_NUMPAT,
        PubsubShardchannels = 91 => pubsub::PUBSUB_SHARDCHANNELS,
        PubsubShardnumsub = 92 => pubsub::PUBSUB_SHARDNUMSUB,
        PubsubHelp = 93 => pubsub::PUBSUB_HELP,

        // Transactions.
        Multi = 60 => transactions::MULTI,
        Exec = 61 => transactions::EXEC,
        Discard = 62 => transactions::DISCARD,
        Watch = 63 => transactions::WATCH,
        Unwatch = 64 => transactions::UNWATCH,
        ClientUnblock = 65 => connection::CLIENT_UNBLOCK,
        // Looking into the server.
        SlowlogGet = 120 => introspection::SLOWLOG_GET,
        SlowlogLen = 121 => introspection::SLOWLOG_LEN,
        SlowlogReset = 122 => introspection::SLOWLOG_RESET,
        SlowlogHelp = 123 => introspection::SLOWLOG_HELP,
        LatencyLatest = 124 => introspection::LATENCY_LATEST,
        LatencyHistory = 125 => introspection::LATENCY_HISTORY,
        LatencyReset = 126 => introspection::LATENCY_RESET,
        LatencyGraph = 127 => introspection::LATENCY_GRAPH,
        LatencyDoctor = 128 => introspection::LATENCY_DOCTOR,
        LatencyHistogram = 129 => introspection::LATENCY_HISTOGRAM,
        LatencyHelp = 130 => introspection::LATENCY_HELP,
        Monitor = 131 => introspection::MONITOR,
        MemoryStats = 132 => introspection::MEMORY_STATS,
        MemoryDoctor = 133 => introspection::MEMORY_DOCTOR,
        MemoryPurge = 134 => introspection::MEMORY_PURGE,
        MemoryMallocStats = 135 => introspection::MEMORY_MALLOC_STATS,
        MemoryHelp = 136 => introspection::MEMORY_HELP,
        ClientPause = 137 => introspection::CLIENT_PAUSE,
        ClientUnpause = 138 => introspection::CLIENT_UNPAUSE,

        // Administration.
        Lolwut = 139 => administration::LOLWUT,
        Role = 140 => administration::ROLE,
        Save = 141 => administration::SAVE,
        Bgsave = 142 => administration::BGSAVE,
        Lastsave = 143 => administration::LASTSAVE,
        Bgrewriteaof = 144 => administration::BGREWRITEAOF,
        Shutdown = 145 => administration::SHUTDOWN,
        Replicaof = 146 => administration::REPLICAOF,
        Slaveof = 147 => administration::SLAVEOF,
        Failover = 148 => administration::FAILOVER,
        ModuleList = 149 => administration::MODULE_LIST,
        ModuleLoad = 150 => administration::MODULE_LOAD,
        ModuleUnload = 151 => administration::MODULE_UNLOAD,
        ModuleHelp = 152 => administration::MODULE_HELP,
        AclWhoami = 153 => administration::ACL_WHOAMI,
        AclCat = 154 => administration::ACL_CAT,
        AclUsers = 155 => administration::ACL_USERS,
        AclHelp = 156 => administration::ACL_HELP,
        Waitaof = 66 => server::WAITAOF,
        XgroupHelp = 191 => stream::XGROUP_HELP,
        XinfoHelp = 192 => stream::XINFO_HELP,

        // Scripts and functions.
        ScriptHelp = 160 => scripting::SCRIPT_HELP,
        FunctionHelp = 161 => scripting::FUNCTION_HELP,
        ScriptDebug = 162 => scripting::SCRIPT_DEBUG,

        // Redis' cluster and its administration.
        ClusterMyshardid = 200 => cluster::CLUSTER_MYSHARDID,
        ClusterSlots = 201 => cluster::CLUSTER_SLOTS,
        ClusterShards = 202 => cluster::CLUSTER_SHARDS,
        ClusterNodes = 203 => cluster::CLUSTER_NODES,
        ClusterLinks = 204 => cluster::CLUSTER_LINKS,
        ClusterReplicas = 205 => cluster::CLUSTER_REPLICAS,
        ClusterSlaves = 206 => cluster::CLUSTER_SLAVES,
        ClusterCountFailureReports = 207 => cluster::CLUSTER_COUNT_FAILURE_REPORTS,
        ClusterAddslots = 208 => cluster::CLUSTER_ADDSLOTS,
        ClusterAddslotsrange = 209 => cluster::CLUSTER_ADDSLOTSRANGE,
        ClusterBumpepoch = 210 => cluster::CLUSTER_BUMPEPOCH,
        ClusterDelslots = 211 => cluster::CLUSTER_DELSLOTS,
        ClusterDelslotsrange = 212 => cluster::CLUSTER_DELSLOTSRANGE,
        ClusterFailover = 213 => cluster::CLUSTER_FAILOVER,
        ClusterFlushslots = 214 => cluster::CLUSTER_FLUSHSLOTS,
        ClusterForget = 215 => cluster::CLUSTER_FORGET,
        ClusterMeet = 216 => cluster::CLUSTER_MEET,
        ClusterReplicate = 217 => cluster::CLUSTER_REPLICATE,
        ClusterReset = 218 => cluster::CLUSTER_RESET,
        ClusterSetConfigEpoch = 219 => cluster::CLUSTER_SET_CONFIG_EPOCH,
        ClusterSetslot = 220 => cluster::CLUSTER_SETSLOT,
        ClusterSaveconfig = 221 => cluster::CLUSTER_SAVECONFIG,
        Asking = 222 => cluster::ASKING,
        Readonly = 223 => cluster::READONLY,
        Readwrite = 224 => cluster::READWRITE,
        ModuleLoadex = 225 => administration::MODULE_LOADEX,
        Sync = 226 => administration::SYNC,
        Psync = 227 => administration::PSYNC,
        Replconf = 228 => administration::REPLCONF,
        Migrate = 229 => administration::MIGRATE,
        RestoreAsking = 230 => administration::RESTORE_ASKING,
        AclList = 231 => administration::ACL_LIST,
        AclGetuser = 232 => administration::ACL_GETUSER,
        AclSetuser = 233 => administration::ACL_SETUSER,
        AclDeluser = 234 => administration::ACL_DELUSER,
        AclDryrun = 235 => administration::ACL_DRYRUN,
        AclGenpass = 236 => administration::ACL_GENPASS,
        AclLoad = 237 => administration::ACL_LOAD,
        AclSave = 238 => administration::ACL_SAVE,
        AclLog = 239 => administration::ACL_LOG,
        ClientTracking = 240 => connection::CLIENT_TRACKING,
        ClientCaching = 241 => connection::CLIENT_CACHING,
        ClientGetredir = 242 => connection::CLIENT_GETREDIR,
        ClientTrackinginfo = 243 => connection::CLIENT_TRACKINGINFO,
    }
);

commands!(
    /// Names that only hold subcommands.
    Container {
        Object = 1 => generic::OBJECT,
        Client = 2 => connection::CLIENT,
        Config = 3 => server::CONFIG,
        Cluster = 4 => cluster::CLUSTER,
        JsonDebug = 35 => json::DEBUG,

        Pubsub = 24 => pubsub::PUBSUB,
        Slowlog = 25 => introspection::SLOWLOG,
        Latency = 26 => introspection::LATENCY,
        Memory = 27 => introspection::MEMORY,
        Module = 28 => administration::MODULE,
        Acl = 29 => administration::ACL,
        Xgroup = 20 => stream::XGROUP,
        Xinfo = 21 => stream::XINFO,
        Script = 22 => scripting::SCRIPT,
        Function = 23 => scripting::FUNCTION,
    }
);

/// A command of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Executed by the engine of one or more shards.
    Engine(EngineCommand),
    /// Executed by the process the client is connected to.
    Proxy(ProxyCommand),
}

impl Command {
    /// Its row.
    pub const fn spec(self) -> &'static CommandSpec {
        match self {
            Command::Engine(command) => command.spec(),
            Command::Proxy(command) => command.spec(),
        }
    }
}

#[cfg(test)]
mod tests;
