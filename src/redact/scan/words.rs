//! Sets of words, told from most other words by their first letter and their length.

/// Words in small letters.
pub(super) struct Words<const N: usize> {
    words: [&'static str; N],
    /// For each first letter, a bit for each length.
    lengths: [u32; 32],
}

impl<const N: usize> Words<N> {
    pub(super) const fn new(words: [&'static str; N]) -> Self {
        let mut lengths = [0; 32];
        let mut nth = 0;
        while nth < N {
            let word = words[nth].as_bytes();
            lengths[(word[0] & 31) as usize] |= 1 << (word.len() & 31);
            nth += 1;
        }
        Self { words, lengths }
    }

    /// Whether it is one of them, in any case.
    pub(super) fn has(&self, word: &str) -> bool {
        let Some(first) = word.as_bytes().first() else { return false };
        self.lengths[usize::from(first & 31)] & 1 << (word.len() & 31) != 0
            && self.words.iter().any(|known| word.eq_ignore_ascii_case(known))
    }
}
