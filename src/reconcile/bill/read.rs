//! Reads a bill from CSV.

use std::fmt;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, StringRecord};

use super::line::{BillLine, Field, TOKENS, money, time, tokens};

/// Most bytes of a bill.
const BYTES_MAX: u64 = 512 << 20;
/// Longest id or name of a model, in bytes.
const TEXT_MAX: usize = 256;
/// Other names that columns have, in lower case.
const NAMES: [(&str, &[&str]); 4] = [
    ("id", &["id", "response_id", "request_id", "generation_id"]),
    ("time", &["time", "timestamp", "created_at", "created"]),
    ("model", &["model", "model_name"]),
    ("cost_usd", &["cost_usd", "cost"]),
];

/// A file is not a bill. A line that cannot be read is a finding, and no such error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BillError {
    /// A column is missing without which nothing could be matched.
    #[error(
        "the bill has no column {column}: its first line must name the columns, separated by commas or semicolons"
    )]
    NoColumn {
        /// The column.
        column: &'static str,
    },
    /// Two columns have one name.
    #[error("the bill has two columns {column}: which one counts?")]
    TwoColumns {
        /// The column.
        column: &'static str,
    },
    /// It is too large.
    #[error("the bill has more than {} MiB: cut it into days", BYTES_MAX >> 20)]
    TooLarge,
    /// It is not text as CSV is written today.
    #[error("the bill is not UTF-8: save it as CSV in UTF-8")]
    NotUtf8,
    /// The file could not be read.
    #[error("the bill could not be read: {0}")]
    Io(#[from] std::io::Error),
}

/// A provider's bill: one line for each call of a model.
///
/// It is a CSV file with a line of names, separated by commas or semicolons. These columns are read, in any order; all
/// others are ignored:
///
/// | column | |
/// |---|---|
/// | `id`, or `response_id` | the provider's id of its answer |
/// | `time`, or `timestamp` | with its zone: `2026-03-02T07:15:00+02:00`, `2026-03-02 07:15:00 UTC`, or seconds since 1970 |
/// | `model` | the model that answered |
/// | `input_tokens`, `cache_read_input_tokens`, `cache_creation_input_tokens`, `output_tokens`, `reasoning_output_tokens` | each token in one of them |
/// | `cost_microusd`, or `cost_usd` | in millionths of a dollar, or in dollars with a point |
///
/// Both `id` and `time` may be missing on a line, and one of the two columns in the file.
pub struct Bill {
    pub(super) lines: Vec<BillLine>,
    /// Numbers of lines of which nothing can be read.
    pub(super) unreadable: Vec<u64>,
}

impl Bill {
    /// Reads a bill.
    ///
    /// # Errors
    /// [`BillError`] if it is not a bill as a whole.
    ///
    /// ```
    /// use moltbot_audit::reconcile::Bill;
    ///
    /// let bill = Bill::read("id,time,output_tokens,cost_usd\nresp_1,2026-03-02T07:15:00Z,81,0.0021\n".as_bytes())?;
    /// assert_eq!(bill.len(), 1);
    /// # Ok::<_, moltbot_audit::reconcile::BillError>(())
    /// ```
    pub fn read(from: impl Read) -> Result<Self, BillError> {
        let mut bytes = Vec::new();
        from.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
            return Err(BillError::TooLarge);
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        if [&b"\xFF\xFE"[..], b"\xFE\xFF"].iter().any(|mark| text.starts_with(mark))
            || text.contains(&0)
        {
            return Err(BillError::NotUtf8);
        }
        let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let delimiter = if first.contains(&b';') && !first.contains(&b',') { b';' } else { b',' };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
        let names = reader.headers().map_err(|_| BillError::NotUtf8)?;
        let columns = Columns::of(names)?;
        let mut bill = Self { lines: Vec::new(), unreadable: Vec::new() };
        let mut record = ByteRecord::new();
        loop {
            let number = reader.position().line();
            match reader.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                // Nothing but reading fails, and that is done. We must not loop if it did.
                Err(_) => {
                    bill.unreadable.push(number);
                    break;
                }
            }
            let number = record.position().map_or(number, csv::Position::line);
            let text = StringRecord::from_byte_record(std::mem::take(&mut record));
            match text.ok().and_then(|text| columns.line(number, &text)) {
                Some(line) => bill.lines.push(line),
                None => bill.unreadable.push(number),
            }
        }
        Ok(bill)
    }

    /// How many lines it has, those that cannot be read included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len() + self.unreadable.len()
    }

    /// Whether it has no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// Ids and names of models are whatever the provider wrote.
impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bill").field("lines", &self.len()).finish_non_exhaustive()
    }
}

/// Where each column is.
struct Columns {
    count: usize,
    id: Option<usize>,
    time: Option<usize>,
    model: Option<usize>,
    tokens: [Option<usize>; 5],
    cost_usd: Option<usize>,
    cost_microusd: Option<usize>,
}

impl Columns {
    fn of(names: &StringRecord) -> Result<Self, BillError> {
        let place = |column: &'static str| {
            let aliases = NAMES.iter().find(|(name, _)| *name == column).map(|(_, names)| *names);
            let own = [column];
            let aliases = aliases.unwrap_or(&own);
            // The first alias that is there counts, so `id` beside `request_id` is no contradiction.
            for alias in aliases {
                let mut places = names.iter().enumerate().filter(|(_, name)| is_name(name, alias));
                let first = places.next().map(|(place, _)| place);
                if places.next().is_some() {
                    return Err(BillError::TwoColumns { column });
                }
                if first.is_some() {
                    return Ok(first);
                }
            }
            Ok(None)
        };
        let mut tokens = [None; 5];
        for (found, (_, name)) in tokens.iter_mut().zip(TOKENS) {
            *found = place(name)?;
        }
        let columns = Self {
            count: names.len(),
            id: place("id")?,
            time: place("time")?,
            model: place("model")?,
            tokens,
            cost_usd: place("cost_usd")?,
            cost_microusd: place("cost_microusd")?,
        };
        if columns.id.is_none() && columns.time.is_none() {
            return Err(BillError::NoColumn { column: "id" });
        }
        Ok(columns)
    }

    /// `None` if the line has more or fewer values than there are columns: it is not known which are which.
    fn line(&self, number: u64, values: &StringRecord) -> Option<BillLine> {
        if values.len() != self.count {
            return None;
        }
        let text = |place: Option<usize>| values.get(place?);
        let named = |place| {
            let text = text(place).map(str::trim).filter(|text| !text.is_empty());
            text.filter(|text| text.len() <= TEXT_MAX).map(str::to_owned)
        };
        let in_microusd = money(text(self.cost_microusd), 1.0);
        let cost_microusd = match in_microusd {
            Field::Absent => money(text(self.cost_usd), 1e6),
            known => known,
        };
        Some(BillLine {
            number,
            id: named(self.id),
            time: time(text(self.time)),
            model: named(self.model),
            tokens: self.tokens.map(|place| tokens(text(place))),
            cost_microusd,
        })
    }
}

fn is_name(name: &str, wanted: &str) -> bool {
    name.trim().eq_ignore_ascii_case(wanted)
}
