//! Recognises providers' keys by how they begin. The table is `secret_prefixes.txt`.

use std::sync::LazyLock;

/// The longest part of a token that is looked at as one key.
pub(super) const KEY_MAX: usize = 200;

/// The table, ordered by first bytes.
pub(super) static PREFIXES: LazyLock<Prefixes> =
    LazyLock::new(|| Prefixes::new(include_str!("secret_prefixes.txt")));

#[derive(Clone, Copy)]
enum KeyAlphabet {
    Alnum,
    Any,
    Hex,
    Mixed,
    Rand,
    Upper,
}

impl KeyAlphabet {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Self::Alnum,
            "any" => Self::Any,
            "hex" => Self::Hex,
            "mixed" => Self::Mixed,
            "rand" => Self::Rand,
            "upper" => Self::Upper,
            _ => return None,
        })
    }

    /// Whether the bytes after a prefix belong to the class. `rest` is all of them, `first` the shortest allowed
    /// part.
    fn holds(self, rest: &[u8], first: &[u8]) -> bool {
        let has = |is: fn(&u8) -> bool| rest.iter().any(is);
        let is_upper = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        match self {
            Self::Alnum => first.iter().all(u8::is_ascii_alphanumeric),
            Self::Any => true,
            Self::Hex => first.iter().all(u8::is_ascii_hexdigit),
            Self::Mixed => {
                has(u8::is_ascii_digit)
                    && has(u8::is_ascii_uppercase)
                    && has(u8::is_ascii_lowercase)
            }
            Self::Rand => has(u8::is_ascii_digit),
            Self::Upper => first.iter().all(is_upper),
        }
    }
}

struct Prefix {
    text: &'static str,
    len: usize,
    is_exact: bool,
    class: KeyAlphabet,
    part: &'static str,
}

impl Prefix {
    /// Whether a key of this form begins here.
    fn begins(&self, rest: &[u8]) -> bool {
        let Some(behind) = rest.strip_prefix(self.text.as_bytes()) else { return false };
        let is_part = |byte: &&u8| {
            is_base64_byte(**byte) || **byte == b'.' || **byte == b'=' && !self.is_exact
        };
        let len = behind.iter().take(KEY_MAX).take_while(is_part).count();
        let Some(first) = self.len.checked_sub(self.text.len()) else { return false };
        let key = &behind[..len];
        let has_len = if self.is_exact { len == first } else { len >= first };
        has_len
            && self.class.holds(key, &key[..first])
            && (self.part.is_empty() || contains(key, self.part.as_bytes()))
            // Article numbers begin with it too, so a key must have a long part without dashes.
            && (self.text != "sk-" || key.split(|byte| *byte == b'-').any(|run| run.len() >= 16))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

pub(super) struct Prefixes {
    /// The prefixes, by the low bits of their first byte.
    by_first: [Vec<Prefix>; 64],
    /// One bit for the first two bytes of each prefix.
    first_two: [u64; 64],
}

impl Prefixes {
    fn new(text: &'static str) -> Self {
        let mut table = Self { by_first: std::array::from_fn(|_| Vec::new()), first_two: [0; 64] };
        for prefix in text.lines().filter(|line| !line.starts_with('#')).filter_map(parse) {
            if let [first, second, ..] = prefix.text.as_bytes() {
                let first = usize::from(first & 63);
                table.first_two[first] |= 1 << (second & 63);
                table.by_first[first].push(prefix);
            }
        }
        table
    }

    /// Whether a key begins here.
    pub(super) fn begins(&self, rest: &[u8]) -> bool {
        let [first, second, ..] = rest else { return false };
        let first = usize::from(first & 63);
        self.first_two[first] & 1 << (second & 63) != 0
            && self.by_first[first]
                .iter()
                .any(|prefix| prefix.text.as_bytes().get(1) == Some(second) && prefix.begins(rest))
    }
}

fn parse(line: &'static str) -> Option<Prefix> {
    let mut columns = line.split_ascii_whitespace();
    let (text, len, class) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Prefix {
        text,
        len: len.trim_start_matches('=').parse().ok()?,
        is_exact: len.starts_with('='),
        class: KeyAlphabet::named(class)?,
        part: columns.next().unwrap_or_default(),
    })
}

pub(super) const fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}
