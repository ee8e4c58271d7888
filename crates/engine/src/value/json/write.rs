//! Writes JSON texts, on one line or laid out.

use super::Json;

/// What stands between the parts of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout<'a> {
    /// Before each element or member, once per level.
    pub(crate) indent: &'a [u8],
    /// Before each element or member, and before the end of what has some.
    pub(crate) newline: &'a [u8],
    /// Between a name's colon and its value.
    pub(crate) space: &'a [u8],
}

impl Json {
    /// The text on one line.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, &Layout::default(), 0);
        out
    }

    /// Appends the text, which stands `level` containers deep.
    pub(crate) fn write(&self, out: &mut Vec<u8>, layout: &Layout<'_>, level: usize) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
            Json::BigInt(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
            Json::Float(value) => out.extend_from_slice(ryu::Buffer::new().format_finite(*value).as_bytes()),
            Json::Text(text) => write_text(out, text),
            Json::Array(elements) => layout.array(out, level, elements.iter()),
            Json::Object(object) => {
                layout.object(
                    out,
                    level,
                    object.iter().map(|member| (&*member.name, &member.value)),
                    |out, value| {
                        value.write(out, layout, level + 1);
                    },
                );
            }
        }
    }
}

impl Layout<'_> {
    /// Appends an array of values, which stands `level` containers deep.
    pub(crate) fn array<'v>(
        &self,
        out: &mut Vec<u8>,
        level: usize,
        elements: impl ExactSizeIterator<Item = &'v Json>,
    ) {
        out.push(b'[');
        let any = elements.len() > 0;
        for (index, element) in elements.enumerate() {
            self.begin(out, level + 1, index == 0);
            element.write(out, self, level + 1);
        }
        self.end(out, level, any, b']');
    }

    /// Appends an object whose values `write` appends, which stands `level` containers deep.
    pub(crate) fn object<'n, V>(
        &self,
        out: &mut Vec<u8>,
        level: usize,
        members: impl ExactSizeIterator<Item = (&'n str, V)>,
        mut write: impl FnMut(&mut Vec<u8>, V),
    ) {
        out.push(b'{');
        let any = members.len() > 0;
        for (index, (name, value)) in members.enumerate() {
            self.begin(out, level + 1, index == 0);
            write_text(out, name);
            out.push(b':');
            out.extend_from_slice(self.space);
            write(out, value);
        }
        self.end(out, level, any, b'}');
    }

    fn begin(&self, out: &mut Vec<u8>, level: usize, first: bool) {
        if !first {
            out.push(b',');
        }
        self.break_line(out, level);
    }

    fn end(&self, out: &mut Vec<u8>, level: usize, any: bool, bracket: u8) {
        if any {
            self.break_line(out, level);
        }
        out.push(bracket);
    }

    fn break_line(&self, out: &mut Vec<u8>, level: usize) {
        out.extend_from_slice(self.newline);
        for _ in 0..level {
            out.extend_from_slice(self.indent);
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                continue;
            }
            byte => {
                out.push(byte);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    fn written(text: &str, layout: &Layout<'_>) -> String {
        let mut out = Vec::new();
        parse(text.as_bytes()).expect("a JSON text").write(&mut out, layout, 0);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_text_reads_back() {
        for text in [
            r#"{"b":[1,-2,3.5,1e+100,true,null],"a":{},"c":[]}"#,
            r#""\"\\\n\r\t\b\f\u0001 \u00e9/""#,
            "18446744073709551615",
            "[5.0,0.1,1e-7,123456789012345680.0]",
        ] {
            let value = parse(text.as_bytes()).expect("a JSON text");
            assert_eq!(parse(&value.text()).as_ref(), Ok(&value), "{text}");
        }
        assert_eq!(written(r#" [ 1.0 , "\u0001\/é" ] "#, &Layout::default()), "[1.0,\"\\u0001/é\"]");
    }

    #[test]
    fn a_layout_stands_between_the_parts() {
        let layout = Layout { indent: b"\t", newline: b"\n", space: b" " };
        assert_eq!(
            written(r#"{"a":[1,{}],"b":[]}"#, &layout),
            "{\n\t\"a\": [\n\t\t1,\n\t\t{}\n\t],\n\t\"b\": []\n}"
        );
    }
}
