//! Model text as tokens, a statement at a time.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    /// The text, quotes included.
    pub(super) text: &'a str,
    /// Byte offset of the text.
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) const fn span(&self) -> (usize, usize) {
        (self.start, self.end())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, number, extent or run of hexadecimal digits.
    Word,
    /// A quoted string on one line.
    String,
    /// Everything from `[` to the next `]`.
    List,
    /// One of `{}(),=`.
    Mark,
    /// Anything else, an unclosed string or list included.
    Stray,
}

/// The most tokens that a statement holds, so that text without line ends does not become a list
/// many times its size.
const MOST_TOKENS: usize = 1 << 20;

/// Reads statements: runs of tokens up to a line's end outside parentheses and brackets.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The tokens of the next statement that has any; empty at the end. An opening brace ends a
    /// statement, and a closing one is a statement.
    pub(super) fn statement(&mut self, tokens: &mut Vec<Token<'a>>) {
        tokens.clear();
        let mut depth = 0usize;
        while let Some(character) = self.rest().chars().next() {
            match character {
                '\n' => {
                    self.at += 1;
                    if depth == 0 && !tokens.is_empty() {
                        return;
                    }
                }
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '}' if !tokens.is_empty() && depth == 0 => return,
                _ if character.is_whitespace() => self.at += character.len_utf8(),
                _ => {
                    let token = self.token(character);
                    self.at = token.end();
                    tokens.push(token);
                    if tokens.len() == MOST_TOKENS {
                        return;
                    }
                    match token.text {
                        "(" => depth += 1,
                        ")" => depth = depth.saturating_sub(1),
                        "{" | "}" if depth == 0 => return,
                        _ => {}
                    }
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn token(&self, first: char) -> Token<'a> {
        let rest = self.rest();
        let (kind, length) = match first {
            '{' | '}' | '(' | ')' | ',' | '=' => (TokenKind::Mark, 1),
            '[' => match rest.find(']') {
                Some(end) => (TokenKind::List, end + 1),
                None => (TokenKind::Stray, rest.len()),
            },
            '"' => string(rest),
            _ if is_word(first) => {
                (TokenKind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len()))
            }
            _ => (TokenKind::Stray, first.len_utf8()),
        };
        Token { kind, text: &rest[..length], start: self.at }
    }
}

const fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '+' | '-' | ':')
}

/// The kind and length of the quoted string that `text` begins with.
fn string(text: &str) -> (TokenKind, usize) {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return (TokenKind::Stray, at),
            b'"' if !escaped => return (TokenKind::String, at + 1),
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    (TokenKind::Stray, text.len())
}
