//! Reads JSON as Python's `json` module does, down to its words about what is wrong. Must not know fields or rules.
//! Not `serde_json`: the contract shows Python's sentences, its numbers as text, and lone surrogates, which no Rust string holds.

use super::value::{Text, Value};

/// How deep lists and objects may nest. The reference breaks down (status 500) a little below 1000.
const MAX_DEPTH: usize = 512;

/// How many digits an integer may have, as in Python.
const MAX_DIGITS: usize = 4300;

/// What a body is as a whole.
pub(super) enum Document {
    Object(Vec<(String, Value)>),
    Other(Value),
}

enum Fault {
    /// A sentence, and the byte that it is about.
    At(&'static str, usize),
    /// A sentence that stands for itself.
    Plain(String),
}

/// The document, or the sentence that says what is wrong and where.
pub(super) fn decode(text: &str) -> Result<Document, String> {
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    scanner.document().map_err(|fault| match fault {
        Fault::Plain(sentence) => sentence,
        Fault::At(sentence, at) => format!("{sentence}: {}", place(text, at)),
    })
}

/// Lines, columns and offsets count code points, not bytes.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let offset = before.chars().count();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line} column {column} (char {offset})")
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn document(&mut self) -> Result<Document, Fault> {
        if self.text.starts_with('\u{feff}') {
            return Err(Fault::At("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
        }
        self.blank();
        let document = match self.peek() {
            Some(b'{') => Document::Object(self.object()?),
            _ => Document::Other(self.value()?),
        };
        self.blank();
        if self.at < self.text.len() {
            return Err(Fault::At("Extra data", self.at));
        }
        Ok(document)
    }

    fn value(&mut self) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{') => self.object().map(|_| Value::Dict),
            Some(b'[') => self.list().map(|()| Value::List),
            _ if self.word("null") => Ok(Value::Null),
            _ if self.word("true") || self.word("false") => Ok(Value::Bool),
            _ => match ["NaN", "Infinity", "-Infinity"].into_iter().find(|name| self.word(name)) {
                None => self.number(),
                Some(name) => {
                    Err(Fault::Plain(format!("Out of range float values are not JSON compliant: '{name}'")))
                }
            },
        }
    }

    fn object(&mut self) -> Result<Vec<(String, Value)>, Fault> {
        self.enter()?;
        let mut fields = Vec::new();
        if !self.take(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(Fault::At("Expecting property name enclosed in double quotes", self.at));
                }
                let name = self.string()?.text;
                self.blank();
                self.expect(b':', "Expecting ':' delimiter")?;
                fields.push((name, self.value()?));
                self.blank();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',', "Expecting ',' delimiter")?;
            }
        }
        self.depth -= 1;
        Ok(fields)
    }

    fn list(&mut self) -> Result<(), Fault> {
        self.enter()?;
        if !self.take(b']') {
            loop {
                self.value()?;
                self.blank();
                if self.take(b']') {
                    break;
                }
                self.expect(b',', "Expecting ',' delimiter")?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Text, Fault> {
        let start = self.at;
        self.at += 1;
        let mut text = Text::default();
        loop {
            let rest = self.rest();
            let stop = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let Some((run, tail)) = stop.and_then(|stop| rest.split_at_checked(stop)) else {
                return Err(Fault::At("Unterminated string starting at", start));
            };
            text.text.push_str(run);
            self.at += run.len();
            match tail.as_bytes() {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(text);
                }
                [b'\\'] => return Err(Fault::At("Unterminated string starting at", start)),
                [b'\\', b'u', ..] => self.unicode(&mut text)?,
                [b'\\', letter, ..] => text.text.push(self.escape(*letter)?),
                _ => return Err(Fault::At("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, letter: u8) -> Result<char, Fault> {
        let meant = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return Err(Fault::At("Invalid \\escape", self.at)),
        };
        self.at += 2;
        Ok(meant)
    }

    /// A `\uXXXX`, or two that make a pair.
    fn unicode(&mut self, text: &mut Text) -> Result<(), Fault> {
        let first = self.unit()?;
        self.at += 6;
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            let second = self.unit()?;
            if let Some(Ok(letter)) = char::decode_utf16([first, second]).next() {
                self.at += 6;
                text.text.push(letter);
                return Ok(());
            }
        }
        match char::from_u32(first.into()) {
            Some(letter) => text.text.push(letter),
            None => text.push_surrogate(first),
        }
        Ok(())
    }

    /// The four digits of the escape that starts here. Python wants at least one more letter behind them.
    fn unit(&self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at + 2..self.at + 6).filter(|_| self.at + 6 < self.text.len());
        digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .ok_or(Fault::At("Invalid \\uXXXX escape", self.at + 1))
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with('-'));
        let whole = match rest.as_bytes().get(sign) {
            Some(b'0') => 1,
            _ => digits(rest, sign),
        };
        if whole == 0 {
            return Err(Fault::At("Expecting value", self.at));
        }
        let integer = sign + whole;
        let end = exponent(rest, fraction(rest, integer));
        self.at += end;
        let text = rest.get(..end).unwrap_or_default();
        if end > integer {
            return Ok(Value::Float(float_text(text.parse().unwrap_or(f64::NAN))));
        }
        if whole > MAX_DIGITS {
            return Err(Fault::Plain(format!(
                "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {whole} digits; \
                 use sys.set_int_max_str_digits() to increase the limit"
            )));
        }
        Ok(Value::Int(if text == "-0" { "0" } else { text }.to_owned()))
    }

    fn enter(&mut self) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::At("Too deeply nested", self.at));
        }
        self.depth += 1;
        self.at += 1;
        self.blank();
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, letter: u8) -> bool {
        let here = self.peek() == Some(letter);
        self.at += usize::from(here);
        here
    }

    fn word(&mut self, word: &str) -> bool {
        let here = self.rest().starts_with(word);
        self.at += if here { word.len() } else { 0 };
        here
    }

    /// Passes a delimiter and the blanks behind it.
    fn expect(&mut self, letter: u8, otherwise: &'static str) -> Result<(), Fault> {
        if !self.take(letter) {
            return Err(Fault::At(otherwise, self.at));
        }
        self.blank();
        Ok(())
    }
}

/// How many digits there are from `start` on.
fn digits(text: &str, start: usize) -> usize {
    text.bytes().skip(start).take_while(u8::is_ascii_digit).count()
}

/// The end of the fraction that starts at `start`, or `start` where there is none.
fn fraction(text: &str, start: usize) -> usize {
    match (text.as_bytes().get(start), digits(text, start + 1)) {
        (Some(b'.'), length @ 1..) => start + 1 + length,
        _ => start,
    }
}

/// The end of the exponent that starts at `start`, or `start` where there is none.
fn exponent(text: &str, start: usize) -> usize {
    let sign = usize::from(matches!(text.as_bytes().get(start + 1), Some(b'+' | b'-')));
    match (text.as_bytes().get(start), digits(text, start + 1 + sign)) {
        (Some(b'e' | b'E'), length @ 1..) => start + 1 + sign + length,
        _ => start,
    }
}

/// A float as Python prints it. Rust changes to an exponent at the same sizes, but writes it without sign and padding.
fn float_text(value: f64) -> String {
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
            Some(size) => format!("{mantissa}e-{size:0>2}"),
            None => format!("{mantissa}e+{exponent:0>2}"),
        },
    }
}

#[cfg(test)]
mod tests;
