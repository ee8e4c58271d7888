//! Paths against documents, most of them from Goessner's article and RedisJSON's documentation.

use proptest::prelude::*;

use super::*;
use crate::value::json::parse;

const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Nigel Rees","title":"Sayings of the Century","price":8.95},
    {"category":"fiction","author":"Evelyn Waugh","title":"Sword of Honour","price":12.99},
    {"category":"fiction","author":"Herman Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99},
    {"category":"fiction","author":"J. R. R. Tolkien","title":"The Lord of the Rings","isbn":"0-395-19395-8",
     "price":22.99}],"bicycle":{"color":"red","price":19}},"limit":10,"pattern":"^S"}"#;

fn found(document: &str, path: &str) -> String {
    let document = parse(document.as_bytes()).expect("a JSON text");
    let path = Path::read(path.as_bytes()).expect("a path");
    let values = path.values(&document).expect("few");
    let texts: Vec<String> =
        values.iter().map(|value| String::from_utf8(value.text()).expect("UTF-8")).collect();
    texts.join(" ")
}

#[test]
fn paths_select_what_they_say() {
    for (path, result) in [
        ("$.store.bicycle.color", r#""red""#),
        ("$['store']['bicycle'][\"color\"]", r#""red""#),
        ("$.store.book[*].price", "8.95 12.99 8.99 22.99"),
        ("$..price", "8.95 12.99 8.99 22.99 19"),
        ("$.store.book[2].price", "8.99"),
        ("$..book[-1].price", "22.99"),
        ("$..book[0,1].price", "8.95 12.99"),
        ("$..book[:2].price", "8.95 12.99"),
        ("$..book[-2:].price", "8.99 22.99"),
        ("$..book[0:4:2].price", "8.95 8.99"),
        ("$..book[::0].price", ""),
        ("$..book[3:1].price", ""),
        ("$..book[?(@.isbn)].price", "8.99 22.99"),
        ("$..book[?(@.price<10)].price", "8.95 8.99"),
        ("$..book[?(@.price < $.limit)].price", "8.95 8.99"),
        ("$..book[?@.price >= 12.99].price", "12.99 22.99"),
        ("$..book[?(@.price>10 && @.isbn)].price", "22.99"),
        ("$..book[?(@.price<9 && (@.isbn || @.category=='reference'))].price", "8.95 8.99"),
        ("$..book[?(!@.isbn)].price", "8.95 12.99"),
        ("$..book[?(@.title =~ \"^The|Dick$\")].price", "8.99 22.99"),
        ("$..book[?(@.title =~ '(?i)sword')].price", "12.99"),
        ("$..book[?(@.title =~ $.pattern)].price", "8.95 12.99"),
        ("$..book[?(@.title =~ '(')].price", ""),
        ("$..book[?(@.category != 'fiction')].price", "8.95"),
        ("$..book[?('fiction' == @['category'])].price", "12.99 8.99 22.99"),
        ("$.store.book[0]['title','price','none']", r#""Sayings of the Century" 8.95"#),
        ("$.limit", "10"),
        ("$.[\"limit\"]", "10"),
        ("limit", "10"),
        (".limit", "10"),
        ("[\"limit\"]", "10"),
        ("$.none", ""),
        ("$.store.none.at.all", ""),
        ("$.limit.x", ""),
        ("$.limit[0]", ""),
        ("$..bicycle.*", r#""red" 19"#),
    ] {
        assert_eq!(found(STORE, path), result, "{path}");
    }
    assert_eq!(found(r#"{"a":{"a":1,"b":{"a":2}}}"#, "$..a"), r#"{"a":1,"b":{"a":2}} 1 2"#);
    assert_eq!(found(r#"{"n":{"a":1},"a":2,"m":{"a":3}}"#, "$..a"), "2 1 3");
    assert_eq!(found("[1,[2,[3]]]", "$..*"), "1 [2,[3]] 2 [3] 3");
    assert_eq!(found("[1,[2,[3]]]", "$..[0]"), "1 2 3");
    assert_eq!(found("[1,2.0,2,\"2\",null,true]", "$[?(@==2)]"), "2.0 2");
    assert_eq!(found("[1,null,true,false]", "$[?(@==null || @==true)]"), "null true");
    assert_eq!(found(r#"{"a":1,"b":2}"#, "$[?(@>1)]"), "2");
    assert_eq!(found(r#"{"a b":1,"c\"d":2,"e'f":3}"#, r#"$["a b","c\"d",'e\'f']"#), "1 2 3");
    assert_eq!(found(r#"{"é":1,"$x":2,"a-b":3,"a:b":4}"#, "$.é"), "1");
    assert_eq!(found(r#"{"$x":2,"a-b":3,"a:b":4}"#, "$x"), "2");
    assert_eq!(found(r#"{"a-b":3,"a:b":4}"#, "a:b"), "4");
}

#[test]
fn a_legacy_path_is_known_by_its_beginning() {
    for (text, legacy, full) in [
        ("$", false, "$"),
        ("$.a", false, "$.a"),
        ("$[0]", false, "$[0]"),
        (".", true, "$"),
        (".a", true, "$.a"),
        ("a", true, "$.a"),
        ("[0]", true, "$.[0]"),
        ("..a", true, "$..a"),
        ("$a", true, "$.$a"),
    ] {
        let path = Path::read(text.as_bytes()).expect("a path");
        assert_eq!((path.is_legacy(), path.text()), (legacy, full), "{text}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for text in [
        "",
        "$.",
        "$..",
        "$[",
        "$[]",
        "$['a",
        "$['a'",
        "$[1",
        "$[1,]",
        "$[a]",
        "$.a b",
        "$[?",
        "$[?(",
        "$[?(@.a",
        "$[?(@.a==)]",
        "$[?(@.a==1]",
        "$[1:2:-1]",
        "$[99999999999999999999]",
        "$[-]",
        "$.a]",
        "$['a',1]",
        "$[?(@.a = 1)]",
        "$[\"\\u12\"]",
    ] {
        assert!(Path::read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Path::read(b"$.\xff").is_err());
    assert!(Path::read(("$".to_owned() + &"[?(@".repeat(1000)).as_bytes()).is_err());
    assert!(Path::read(format!("$[?({}@.a)]", "!".repeat(1000)).as_bytes()).is_err());
    assert!(Path::read(("$[?".to_owned() + &"(".repeat(100_000)).as_bytes()).is_err());
    let fault = Path::read(b"$.a.[?").expect_err("no path");
    assert!(fault.text().starts_with("Error occurred on position 6, expected "), "{}", fault.text());
}

#[test]
fn a_walk_that_looks_at_too_much_ends() {
    let document = "[".repeat(120) + &"]".repeat(120);
    let document = parse(document.as_bytes()).expect("a JSON text");
    let path = Path::read(b"$..*").expect("a path");
    assert_eq!(path.values(&document).expect("few").len(), 119);
    let path = Path::read(("$".to_owned() + &"..[0]".repeat(30)).as_bytes()).expect("a path");
    assert_eq!(path.values(&document).err(), Some(TooMuch));
    assert_eq!(path.locations(&document).err(), Some(TooMuch));
}

#[test]
fn the_last_step_of_a_static_path_is_known() {
    for (path, last) in [
        ("$", Some(Last::Root)),
        ("$.a.b", Some(Last::Name("b"))),
        ("$['a'][0]", Some(Last::Index)),
        ("$..a", None),
        ("$.*.a", None),
        ("$['a','b']", None),
        ("$[0:1].a", None),
        ("$[?(@.a)].b", None),
    ] {
        assert_eq!(Path::read(path.as_bytes()).expect("a path").last(), last, "{path}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[$.\\[\\]*?()@a'\"0-9:,<>=!&|~ -]{0,40}") {
        let document = parse(STORE.as_bytes()).expect("a JSON text");
        if let Ok(path) = Path::read(text.as_bytes()) {
            let values = path.values(&document);
            let mut copy = document.clone();
            for location in path.locations(&document).unwrap_or_default() {
                prop_assert!(copy.at_mut(&location).is_some());
            }
            prop_assert!(values.is_ok() || path.text().contains(".."));
        }
    }

    #[test]
    fn locations_lead_to_the_values(which in 0_usize..6) {
        let path = ["$..*", "$..price", "$..book[*]", "$.store.book[1:3]", "$..[?(@.price)]", "$"][which];
        let document = parse(STORE.as_bytes()).expect("a JSON text");
        let path = Path::read(path.as_bytes()).expect("a path");
        let values: Vec<Json> = path.values(&document).expect("few").into_iter().cloned().collect();
        let mut copy = document.clone();
        let located: Vec<Json> = path
            .locations(&document)
            .expect("few")
            .iter()
            .map(|location| copy.at_mut(location).expect("it was found").clone())
            .collect();
        prop_assert_eq!(values, located);
    }
}
