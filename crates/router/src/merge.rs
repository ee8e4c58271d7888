//! Makes one reply of the replies of several shards. Pure.

use meridian_command::{Merge, Protocol, ReplyError, ReplyWriter};
use meridian_resp::elements;

/// Merges the replies of the shares of one call, in the order of the shares.
///
/// `by_key` tells for every key of the call the index of its share. An error of any share is the answer: the other
/// shares may have been executed, as a client of a cluster would find who sends the shares himself.
pub fn merge(how: Merge, protocol: Protocol, replies: &[&[u8]], by_key: &[u16], out: &mut Vec<u8>) {
    if how == Merge::AnyOk {
        let done = replies.iter().find(|reply| reply.first() != Some(&b'-')).or(replies.first());
        out.extend_from_slice(done.copied().unwrap_or_default());
        return;
    }
    if let Some(error) = replies.iter().find(|reply| reply.first() == Some(&b'-')) {
        out.extend_from_slice(error);
        return;
    }
    let start = out.len();
    let mut writer = ReplyWriter::new(out, protocol);
    let merged = match how {
        Merge::Either => either(replies, &mut writer),
        Merge::Single | Merge::AllOk | Merge::AnyOk => {
            writer.raw(replies.first().copied().unwrap_or_default());
            Some(())
        }
        Merge::Sum => sum(replies).map(|sum| writer.integer(sum)),
        Merge::Concat => concat(replies, &mut writer),
        Merge::ByKey => interleave(replies, by_key, &mut writer),
    };
    if merged.is_none() {
        out.truncate(start);
        ReplyError::INTERNAL_MALFORMED.write(out);
    }
}

fn sum(replies: &[&[u8]]) -> Option<i64> {
    replies.iter().map(|reply| integer(reply)).sum()
}

fn integer(reply: &[u8]) -> Option<i64> {
    let line = reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

fn concat(replies: &[&[u8]], writer: &mut ReplyWriter<'_>) -> Option<()> {
    let parts: Option<Vec<_>> = replies.iter().map(|reply| elements(reply)).collect();
    let parts = parts?;
    let count: u64 = parts.iter().map(|part| part.left()).sum();
    writer.array(usize::try_from(count).ok()?);
    for element in parts.into_iter().flatten() {
        writer.raw(element);
    }
    Some(())
}

fn either(replies: &[&[u8]], writer: &mut ReplyWriter<'_>) -> Option<()> {
    let mut parts = replies.iter().map(|reply| elements(reply)).collect::<Option<Vec<_>>>()?;
    let count = parts.first()?.left();
    writer.array(usize::try_from(count).ok()?);
    for _ in 0..count {
        let mut any = false;
        for part in &mut parts {
            any |= integer(part.next()?)? != 0;
        }
        writer.integer(i64::from(any));
    }
    Some(())
}

fn interleave(replies: &[&[u8]], by_key: &[u16], writer: &mut ReplyWriter<'_>) -> Option<()> {
    let parts: Option<Vec<_>> = replies.iter().map(|reply| elements(reply)).collect();
    let mut parts = parts?;
    writer.array(by_key.len());
    for share in by_key {
        writer.raw(parts.get_mut(usize::from(*share))?.next()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(how: Merge, replies: &[&[u8]], by_key: &[u16]) -> String {
        let mut out = Vec::new();
        merge(how, Protocol::Resp2, replies, by_key, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn integers_are_added() {
        assert_eq!(merged(Merge::Sum, &[b":1\r\n", b":41\r\n"], &[]), ":42\r\n");
    }

    #[test]
    fn an_error_of_one_share_is_the_answer() {
        assert_eq!(merged(Merge::AllOk, &[b"+OK\r\n", b"-ERR no\r\n"], &[]), "-ERR no\r\n");
    }

    #[test]
    fn values_come_back_in_the_order_of_the_keys() {
        let replies: [&[u8]; 2] = [b"*2\r\n$1\r\na\r\n$-1\r\n", b"*1\r\n$1\r\nb\r\n"];
        assert_eq!(merged(Merge::ByKey, &replies, &[0, 1, 0]), "*3\r\n$1\r\na\r\n$1\r\nb\r\n$-1\r\n");
    }

    #[test]
    fn arrays_are_put_together() {
        let replies: [&[u8]; 2] = [b"*1\r\n$1\r\na\r\n", b"*0\r\n"];
        assert_eq!(merged(Merge::Concat, &replies, &[]), "*1\r\n$1\r\na\r\n");
    }

    #[test]
    fn one_answer_that_is_no_error_is_enough() {
        assert_eq!(merged(Merge::AnyOk, &[b"-NOTBUSY no\r\n", b"+OK\r\n"], &[]), "+OK\r\n");
        assert_eq!(merged(Merge::AnyOk, &[b"-NOTBUSY no\r\n"], &[]), "-NOTBUSY no\r\n");
        let replies: [&[u8]; 2] = [b"*2\r\n:1\r\n:0\r\n", b"*2\r\n:0\r\n:0\r\n"];
        assert_eq!(merged(Merge::Either, &replies, &[]), "*2\r\n:1\r\n:0\r\n");
    }

    #[test]
    fn what_cannot_be_merged_is_an_error() {
        assert!(merged(Merge::Sum, &[b":1\r\n", b"+OK\r\n"], &[]).starts_with("-ERR"));
        assert!(merged(Merge::ByKey, &[b"*1\r\n:1\r\n"], &[0, 0]).starts_with("-ERR"));
    }
}
