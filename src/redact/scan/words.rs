//! Sets of words that reject most other words by their first letter and length.

/// A set of words in small letters.
pub(super) struct Words<const N: usize> {
    /// The words, by their first letter.
    sorted: [&'static str; N],
    /// For each first letter, where its words begin.
    starts: [u8; LETTERS + 1],
    /// For each first letter, one bit for each length.
    lengths: [u32; LETTERS],
}

/// How many first letters are distinguished. A capital and its small letter share these bits.
const LETTERS: usize = 32;

impl<const N: usize> Words<N> {
    #[expect(clippy::cast_possible_truncation, reason = "no set has 256 words")]
    pub(super) const fn new(unordered: [&'static str; N]) -> Self {
        let (mut sorted, mut starts) = ([""; N], [0; LETTERS + 1]);
        let mut lengths = [0; LETTERS];
        let (mut letter, mut at) = (0, 0);
        while letter < LETTERS {
            let mut nth = 0;
            while nth < N {
                let word = unordered[nth].as_bytes();
                if word[0] as usize % LETTERS == letter {
                    lengths[letter] |= 1 << (word.len() % LETTERS);
                    sorted[at] = unordered[nth];
                    at += 1;
                }
                nth += 1;
            }
            letter += 1;
            starts[letter] = at as u8;
        }
        Self { sorted, starts, lengths }
    }

    /// Whether a word is in the set, in any case.
    pub(super) fn has(&self, word: &str) -> bool {
        let Some(first) = word.as_bytes().first() else { return false };
        let letter = usize::from(*first) % LETTERS;
        if self.lengths[letter] & 1 << (word.len() % LETTERS) == 0 {
            return false;
        }
        let (from, to) = (self.starts[letter], self.starts[letter + 1]);
        self.sorted[usize::from(from)..usize::from(to)]
            .iter()
            .any(|known| known.len() == word.len() && is_in_small_letters(known, word))
    }
}

/// Words are short, and the standard comparison, made for long texts, takes three times as long.
#[inline]
fn is_in_small_letters(known: &str, word: &str) -> bool {
    known.bytes().zip(word.bytes()).all(|(known, byte)| known == byte.to_ascii_lowercase())
}
