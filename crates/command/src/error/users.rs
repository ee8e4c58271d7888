//! What is said about users: who may become one, who may change them, and what they may not do.

use super::ReplyError;

/// Users.
impl ReplyError {
    /// Not authenticated.
    pub const NO_AUTH: ReplyError = ReplyError::new("NOAUTH Authentication required.");
    /// HELLO without AUTH where authentication is needed.
    pub const HELLO_NO_AUTH: ReplyError = ReplyError::new(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
         <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
    /// Wrong user or password.
    pub const WRONG_PASS: ReplyError =
        ReplyError::new("WRONGPASS invalid username-password pair or user is disabled.");
    /// AUTH with a password where none is set.
    pub const NO_PASSWORD_SET: ReplyError = ReplyError::new(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
         configuration is correct?",
    );
    /// The meta group could not be asked to change users.
    pub const USERS_NOT_CHANGED: ReplyError =
        ReplyError::new("CLUSTERDOWN The cluster's users cannot be changed now, nothing was applied");
    /// The meta group was asked to change users and did not answer in time.
    pub const USERS_UNKNOWN: ReplyError =
        ReplyError::new("TIMEOUT No answer in time, the users may or may not be changed");
    /// Users are changed, but this process has not heard of it in time.
    pub const USERS_NOT_HERE: ReplyError =
        ReplyError::new("TIMEOUT The users are changed, but this process does not know of it yet");

    /// A user that may not read all keys may not have SORT look for others.
    pub fn pattern_denied(option: &[u8]) -> ReplyError {
        let option = option.to_ascii_uppercase();
        let rest = b" option of SORT denied due to insufficient ACL permissions.";
        ReplyError::from_bytes([b"ERR ", option.as_slice(), rest].concat())
    }
}
