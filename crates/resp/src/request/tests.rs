use proptest::prelude::*;

use super::*;

type Commands = Vec<Vec<Vec<u8>>>;

/// Feeds `pieces` one after the other, as a connection would, and collects the commands up to the first error.
fn feed<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (Commands, Option<ProtocolError>) {
    let mut parser = RequestParser::new();
    let mut buffer = Vec::new();
    let mut commands = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parser.parse(&buffer, limits) {
                Ok(Progress::Command) => {
                    commands.push(parser.args(&buffer).map(<[u8]>::to_vec).collect());
                }
                Ok(Progress::Incomplete) => break,
                Err(error) => {
                    assert_eq!(parser.parse(&buffer, limits), Err(error), "an error stays");
                    return (commands, Some(error));
                }
            }
        }
        let consumed = parser.take_consumed();
        buffer.drain(..consumed);
    }
    (commands, None)
}

fn whole(bytes: &[u8]) -> (Commands, Option<ProtocolError>) {
    feed([bytes], &Limits::default())
}

fn words(text: &[&str]) -> Vec<Vec<u8>> {
    text.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn multibulk_and_inline_come_out_in_order() {
    let bytes =
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n\r\nPING  hello \r\n*0\r\n*-1\r\n*1\r\n$4\r\nQUIT\r\n";
    let expected = vec![words(&["SET", "k", ""]), words(&["PING", "hello"]), words(&["QUIT"])];
    assert_eq!(whole(bytes), (expected, None));
}

#[test]
fn quotes_and_escapes_are_undone() {
    let line = b"SET \"a\\x41\\n\\\"\" 'it\\'s\\n' x\"y z\" '' \"\\q\\x4\"\n";
    assert_eq!(whole(line).0, vec![words(&["SET", "aA\n\"", "it's\\n", "xy z", "", "qx4"])]);
    for line in ["\"a\n", "'a\n", "\"a\"b\n", "'a'b\n", "\"a\\\"\n", "get '\n"] {
        assert_eq!(whole(line.as_bytes()).1, Some(ProtocolError::UnbalancedQuotes), "{line}");
    }
}

#[test]
fn errors_have_the_text_of_redis() {
    let long = "1".repeat(65_537);
    let cases = [
        ("*x\r\n", "invalid multibulk length"),
        ("*1048577\r\n", "invalid multibulk length"),
        ("*99999999999999999999\r\n", "invalid multibulk length"),
        ("*1\r\nfoo\r\n", "expected '$', got 'f'"),
        ("*1\r\n\r\n", "expected '$', got ' '"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\n$67108865\r\n", "invalid bulk length"),
        ("*1\r\n$2000000000\r\n", "invalid bulk length"),
        (&format!("*{long}"), "too big mbulk count string"),
        (&format!("*1\r\n${long}"), "too big bulk count string"),
        (&long, "too big inline request"),
        ("set \"x\r\n", "unbalanced quotes in request"),
    ];
    for (bytes, text) in cases {
        let (commands, error) = whole(bytes.as_bytes());
        assert!(commands.is_empty());
        let reply = error.expect("an error").reply();
        assert_eq!(reply.text(), format!("ERR Protocol error: {text}"));
    }
}

#[test]
fn little_is_accepted_before_authentication() {
    let limits = Limits { authenticated: false, ..Limits::default() };
    let few = b"*10\r\n".iter().chain(b"$1\r\nx\r\n".repeat(10).iter()).copied().collect::<Vec<u8>>();
    assert_eq!(feed([&few[..]], &limits).0.len(), 1);
    assert_eq!(feed([&b"*11\r\n"[..]], &limits).1, Some(ProtocolError::UnauthenticatedCount));
    assert_eq!(feed([&b"*1\r\n$16384\r\n"[..]], &limits).1, None);
    assert_eq!(feed([&b"*1\r\n$16385\r\n"[..]], &limits).1, Some(ProtocolError::UnauthenticatedBulk));
}

#[test]
fn a_huge_declared_length_allocates_nothing() {
    let mut parser = RequestParser::new();
    let buffer = b"*1048576\r\n$67108864\r\n";
    assert_eq!(parser.parse(buffer, &Limits::default()), Ok(Progress::Incomplete));
    assert_eq!(parser.spans.capacity(), 0);
    assert_eq!(parser.wanted(buffer), (64 << 20) + 2);
}

#[test]
fn a_long_command_in_small_reads_is_read_once() {
    let mut bytes = b"*100001\r\n$4\r\nMSET\r\n".to_vec();
    bytes.extend_from_slice(&b"$3\r\nabc\r\n".repeat(100_000));
    let mut parser = RequestParser::new();
    let mut end = 0;
    let mut steps = 0;
    while parser.parse(&bytes[..end], &Limits::default()) == Ok(Progress::Incomplete) {
        let before = parser.cursor;
        end = (end + 64).min(bytes.len());
        assert!(before + 64 + 16 >= end - 64.min(end), "stays close behind what was read");
        steps += 1;
    }
    assert_eq!(parser.len(), 100_001);
    assert_eq!(steps, bytes.len().div_ceil(64));
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let arg = proptest::collection::vec(any::<u8>(), 0..20);
    let multibulk = proptest::collection::vec(arg, 0..6).prop_map(|args| {
        let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            bytes.extend_from_slice(&arg);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    });
    let inline = "[a-z \"'\\\\]{0,20}\r?\n".prop_map(String::into_bytes);
    let broken = "[*$0-9a-z\r\n-]{1,12}".prop_map(String::into_bytes);
    prop_oneof![6 => multibulk, 2 => inline, 1 => broken]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_split_gives_the_same_commands(
        requests in proptest::collection::vec(request(), 1..6),
        line in prop_oneof![Just(64 << 10), 4_usize..24],
    ) {
        let bytes = requests.concat();
        let limits = Limits { line, bulk: 12, ..Limits::default() };
        let expected = feed([&bytes[..]], &limits);
        for split in 0..=bytes.len() {
            prop_assert_eq!(&feed([&bytes[..split], &bytes[split..]], &limits), &expected, "split at {}", split);
        }
        prop_assert_eq!(&feed(bytes.chunks(1), &limits), &expected, "byte by byte");
        prop_assert_eq!(&feed(bytes.chunks(3), &limits), &expected, "three by three");
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1_usize..50) {
        let _ = feed(bytes.chunks(step), &Limits::default());
    }
}
