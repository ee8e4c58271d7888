"""redis-py against a cluster: redis_py.py HOST PORT FOLDER.

Checks what a client is used for in both protocols, then writes through one client until FOLDER/stop exists, and reads everything back.
FOLDER/acknowledged and FOLDER/errors say how far it is. Exits with an error if anything is not as it should be.
"""

import os
import sys
import threading
import time

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


def basics(client):
    client.flushall()
    assert client.ping() is True
    assert client.set("a", "x", ex=100) is True
    assert client.get("a") == b"x"
    assert 0 < client.ttl("a") <= 100
    assert client.get("none") is None
    assert client.mset({f"m:{n}": n for n in range(50)}) is True
    assert client.mget("m:0", "none", "m:49") == [b"0", None, b"49"]
    assert client.exists("m:0", "m:1", "none") == 2
    assert client.delete("m:0", "m:1", "none") == 2
    assert client.set("nx", "1", nx=True) is True
    assert client.set("nx", "2", nx=True) is None
    assert client.append("nx", "23") == 3
    assert client.incrby("nx", 7) == 130
    try:
        client.incr("a")
    except redis.ResponseError as error:
        assert "not an integer" in str(error), error
    else:
        raise AssertionError("INCR of a text")
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"p:{number}", number)
        for number in range(1000):
            pipeline.get(f"p:{number}")
        replies = pipeline.execute()
    assert replies[:1000] == [True] * 1000
    assert replies[1000:] == [str(number).encode() for number in range(1000)]
    assert len(set(client.scan_iter("p:*"))) == 1000
    large = os.urandom(3_000_000)
    assert client.set("large", large) is True
    assert client.get("large") == large
    assert client.info("server")["redis_version"]
    client.client_setname("tester")
    assert client.client_getname() in (b"tester", "tester")


def collections(client):
    assert client.hset("hash", mapping={"a": 1, "b": 2}) == 2
    assert client.hgetall("hash") == {b"a": b"1", b"b": b"2"}
    assert client.rpush("list", *range(10)) == 10
    assert client.lrange("list", -2, -1) == [b"8", b"9"]
    assert client.sadd("set", "x", "y", "x") == 2
    assert client.smembers("set") == {b"x", b"y"}
    assert client.zadd("zset", {"one": 1, "two": 2.5}) == 2
    scores = client.zrange("zset", 0, -1, withscores=True)
    assert [tuple(pair) for pair in scores] == [(b"one", 1.0), (b"two", 2.5)], scores
    entry = client.xadd("stream", {"field": "value"})
    assert client.xrange("stream") == [(entry, {b"field": b"value"})]
    assert client.xgroup_create("stream", "group", id="0") is True
    assert client.xreadgroup("group", "consumer", {"stream": ">"})
    assert client.xack("stream", "group", entry) == 1
    assert client.json().set("json", "$", {"a": [1, 2]}) is True
    assert client.json().get("json", "$.a[1]") == [2]
    assert client.pfadd("hll", "a", "b") == 1 and client.pfcount("hll") == 2


def transactions(client):
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set("{tx}a", 1).incr("{tx}a").get("{tx}a")
        assert pipeline.execute() == [True, 2, b"2"]
        pipeline.watch("{tx}a")
        client.set("{tx}a", "changed")
        pipeline.multi()
        pipeline.set("{tx}a", "mine")
        try:
            pipeline.execute()
        except redis.WatchError:
            pass
        else:
            raise AssertionError("a watched key was changed")
    assert client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "{tx}n", 5) == 5
    double = client.register_script("return redis.call('GET', KEYS[1]) * 2")
    assert double(keys=["{tx}n"]) == 10


def waiting(client):
    """A client that waits, and messages to one that listens."""

    def later():
        time.sleep(0.1)
        client.rpush("queue", "job")

    thread = threading.Thread(target=later)
    thread.start()
    assert tuple(client.blpop("queue", timeout=10)) == (b"queue", b"job")
    thread.join()
    assert client.blpop("queue", timeout=0.1) is None
    with client.pubsub() as listener:
        listener.subscribe("news")
        listener.psubscribe("n*")
        seen = [listener.get_message(timeout=10)["type"] for _ in range(2)]
        assert seen == ["subscribe", "psubscribe"], seen
        client.publish("news", "hello")
        heard = [listener.get_message(timeout=10) for _ in range(2)]
        assert {message["type"] for message in heard} == {"message", "pmessage"}, heard
        assert all(message["data"] == b"hello" for message in heard)


def say(folder, name, number):
    """Atomically, as the test may read at any time."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(str(number))
    os.replace(path + ".new", path)


def write_until_told(client, folder):
    # Values that may be there: a write whose outcome is not known may still arrive.
    acknowledged, errors, sequence = [], 0, 0
    while not os.path.exists(os.path.join(folder, "stop")):
        key = f"w:{sequence}"
        try:
            assert client.set(key, sequence) is True
            acknowledged.append(key)
        except redis.RedisError:
            errors += 1
            say(folder, "errors", errors)
        sequence += 1
        say(folder, "acknowledged", len(acknowledged))
    for begin in range(0, len(acknowledged), 500):
        keys = acknowledged[begin : begin + 500]
        expected = [key.removeprefix("w:").encode() for key in keys]
        assert client.mget(keys) == expected, "an acknowledged write is lost"
    print(f"{len(acknowledged)} acknowledged, {errors} errors")


def main():
    host, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    say(folder, "errors", 0)
    for protocol in (2, 3):
        with redis.Redis(host=host, port=port, protocol=protocol, socket_timeout=20) as client:
            for check in (basics, collections, transactions, waiting):
                check(client)
    # Reconnects for as long as a node takes to come back.
    retry = Retry(ConstantBackoff(0.05), 400)
    with redis.Redis(host=host, port=port, socket_timeout=20, retry=retry) as client:
        write_until_told(client, folder)


main()
