//! Bytes out: lengths, strings, integers, scores into a buffer, and from there in large pieces to a sink.
//!
//! The checksum and the offset run along with the pieces. A string is stored as an integer when it is the plain decimal
//! text of one of 32 bits, compressed when it is longer than 20 bytes and compression saves at least four, else as it is:
//! the same choices as Redis makes, so that equal data gives equal files.

use super::format::*;
use crate::base::{crc::Crc64, lzf::Compressor};
use crate::config::Settings;
use std::io;

/// Bytes gathered before the sink sees them.
const BUFFER_BYTES: usize = 128 * 1024;

/// The buffer for compressed strings is given back when it has grown beyond this.
const PACKED_BYTES_KEPT_MAX: usize = 1024 * 1024;

/// Where the bytes go: a file, replicas, a payload.
pub trait Sink {
    /// Takes all of `bytes`, or fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// What the configuration says about writing.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// `rdbcompression`
    pub compress: bool,
    /// `rdbchecksum`
    pub checksum: bool,
    /// `rdb-version`
    pub version: u32,
}

impl Choices {
    /// What a file is written by.
    pub fn for_file(settings: &Settings) -> Choices {
        Choices {
            compress: settings.rdb_compression,
            checksum: settings.rdb_checksum,
            version: settings.rdb_version.number(),
        }
    }

    /// What a payload is written by: its checksum is the footer's matter.
    pub fn for_payload(settings: &Settings) -> Choices {
        Choices { checksum: false, ..Choices::for_file(settings) }
    }
}

/// The writer.
pub struct Writer<S> {
    sink: S,
    buffer: Vec<u8>,
    choices: Choices,
    sum: Crc64,
    /// Bytes that the sink has taken.
    flushed: u64,
    /// Made when the first string is worth it: its memory is 256 KiB.
    compressor: Option<Compressor>,
    packed: Vec<u8>,
}

impl<S: Sink> Writer<S> {
    /// A writer that hands over large pieces, for files and links.
    pub fn new(sink: S, choices: Choices) -> Writer<S> {
        Writer::with_buffer(sink, choices, BUFFER_BYTES)
    }

    /// A writer whose buffer begins with room for so many bytes, and grows to the usual size if that is not enough.
    pub fn with_buffer(sink: S, choices: Choices, buffer_bytes: usize) -> Writer<S> {
        Writer {
            sink,
            buffer: Vec::with_capacity(buffer_bytes),
            choices,
            sum: Crc64::new(),
            flushed: 0,
            compressor: None,
            packed: Vec::new(),
        }
    }

    /// The version that is written.
    pub fn version(&self) -> u32 {
        self.choices.version
    }

    /// Bytes written so far.
    pub fn offset(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Magic and version.
    pub fn write_header(&mut self) -> io::Result<()> {
        let version = self.choices.version;
        let header = match Dialect::of(version) {
            Some(Dialect::Valkey) => format!("VALKEY{version:03}"),
            _ => format!("REDIS{version:04}"),
        };
        self.write_raw(header.as_bytes())
    }

    /// A fact about the file.
    pub fn write_aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.write_byte(opcode::AUX)?;
        self.write_string(name)?;
        self.write_string(value)
    }

    /// End, checksum; hands the sink back with everything in it.
    pub fn finish(mut self) -> io::Result<S> {
        self.write_byte(opcode::END)?;
        self.flush()?;
        let sum = if self.choices.checksum { self.sum.value() } else { 0 };
        self.sink.write(&sum.to_le_bytes())?;
        Ok(self.sink)
    }

    /// Hands over what is buffered and gives the sink back, without a trailer.
    pub fn into_sink(mut self) -> io::Result<S> {
        self.flush()?;
        Ok(self.sink)
    }

    #[inline]
    pub fn write_byte(&mut self, byte: u8) -> io::Result<()> {
        self.write_raw(&[byte])
    }

    /// Bytes as they are.
    #[inline]
    pub fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            return self.write_past_buffer(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    pub fn write_length(&mut self, length: u64) -> io::Result<()> {
        if length < 1 << 6 {
            self.write_byte(length as u8)
        } else if length < 1 << 14 {
            self.write_raw(&(length as u16 | 0x4000).to_be_bytes())
        } else if let Ok(length) = u32::try_from(length) {
            self.write_byte(LENGTH_32_BITS)?;
            self.write_raw(&length.to_be_bytes())
        } else {
            self.write_byte(LENGTH_64_BITS)?;
            self.write_raw(&length.to_be_bytes())
        }
    }

    /// A string in the shortest form allowed.
    #[inline]
    pub fn write_string(&mut self, text: &[u8]) -> io::Result<()> {
        if text.len() <= INTEGER_TEXT_BYTES_MAX {
            if let Some(number) = small_integer(text) {
                return self.write_packed_integer(number);
            }
        } else if text.len() > COMPRESS_BYTES_OVER && self.choices.compress && self.write_compressed(text)? {
            return Ok(());
        }
        self.write_length(text.len() as u64)?;
        self.write_raw(text)
    }

    /// A string that is the decimal text of `number`.
    pub fn write_integer(&mut self, number: i64) -> io::Result<()> {
        if let Ok(number) = i32::try_from(number) {
            return self.write_packed_integer(number);
        }
        let mut digits = itoa::Buffer::new();
        let text = digits.format(number).as_bytes();
        self.write_length(text.len() as u64)?;
        self.write_raw(text)
    }

    /// A score of eight bytes.
    pub fn write_score(&mut self, score: f64) -> io::Result<()> {
        self.write_raw(&score.to_le_bytes())
    }

    /// The deadline of the next key.
    pub fn write_deadline(&mut self, deadline: i64) -> io::Result<()> {
        self.write_byte(opcode::DEADLINE_MS)?;
        self.write_raw(&deadline.to_le_bytes())
    }

    fn write_packed_integer(&mut self, number: i32) -> io::Result<()> {
        if let Ok(number) = i8::try_from(number) {
            self.write_raw(&[INTEGER_8_BITS, number as u8])
        } else if let Ok(number) = i16::try_from(number) {
            let [low, high] = number.to_le_bytes();
            self.write_raw(&[INTEGER_16_BITS, low, high])
        } else {
            let [a, b, c, d] = number.to_le_bytes();
            self.write_raw(&[INTEGER_32_BITS, a, b, c, d])
        }
    }

    /// Writes `text` compressed if that saves four bytes at least; else writes nothing and says false.
    fn write_compressed(&mut self, text: &[u8]) -> io::Result<bool> {
        self.packed.clear();
        let compressor = self.compressor.get_or_insert_with(Compressor::new);
        if !compressor.compress(text, text.len() - 4, &mut self.packed) {
            return Ok(false);
        }
        let packed = std::mem::take(&mut self.packed);
        self.write_byte(COMPRESSED)?;
        self.write_length(packed.len() as u64)?;
        self.write_length(text.len() as u64)?;
        self.write_raw(&packed)?;
        // One huge string must not hold memory for the rest of the dump.
        if packed.capacity() <= PACKED_BYTES_KEPT_MAX {
            self.packed = packed;
        }
        Ok(true)
    }

    #[cold]
    fn write_past_buffer(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        if bytes.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.pass_on(bytes)
    }

    /// Hands the buffer to the sink.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let done = self.pass_on(&buffer);
        buffer.clear();
        self.buffer = buffer;
        done
    }

    fn pass_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.choices.checksum {
            self.sum.update(bytes);
        }
        self.flushed += bytes.len() as u64;
        self.sink.write(bytes)
    }
}

/// The number of 32 bits whose plain decimal text this is: no plus, no leading zero, no blank.
#[inline]
fn small_integer(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if !matches!(digits, [b'1'..=b'9', ..] | [b'0']) || digits.len() > 10 || (negative && digits == b"0") {
        return None;
    }
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    i32::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::reader::Reader;
    use crate::structures::list_pack::Item;

    const ALL_ON: Choices = Choices { compress: true, checksum: true, version: VERSION };

    fn written(write: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), ALL_ON);
        write(&mut writer).expect("memory takes all");
        writer.into_sink().expect("memory takes all")
    }

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, bytes) in [
            (0, &[0][..]),
            (63, &[63]),
            (64, &[0x40, 64]),
            (16383, &[0x7f, 0xff]),
            (16384, &[0x80, 0, 0, 0x40, 0]),
            (u64::from(u32::MAX), &[0x80, 255, 255, 255, 255]),
            (1 << 32, &[0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let out = written(|w| w.write_length(length));
            assert_eq!(out, bytes);
            assert_eq!(Reader::over_bytes(&out).read_length().expect("just written"), length);
        }
    }

    #[test]
    fn strings_become_integers_only_when_their_text_is_plain() {
        for (text, bytes) in [
            ("0", &[0xc0, 0][..]),
            ("-1", &[0xc0, 255]),
            ("127", &[0xc0, 127]),
            ("128", &[0xc1, 128, 0]),
            ("-32768", &[0xc1, 0, 128]),
            ("32768", &[0xc2, 0, 128, 0, 0]),
            ("2147483647", &[0xc2, 255, 255, 255, 127]),
            ("-2147483648", &[0xc2, 0, 0, 0, 128]),
            ("2147483648", b"\x0a2147483648"),
            ("007", b"\x03007"),
            ("-0", b"\x02-0"),
            ("+1", b"\x02+1"),
            ("1 ", b"\x021 "),
            ("-", b"\x01-"),
            ("", b"\0"),
        ] {
            let out = written(|w| w.write_string(text.as_bytes()));
            assert_eq!(out, bytes, "{text}");
            assert_eq!(Reader::over_bytes(&out).read_string().expect("just written"), text.as_bytes());
        }
        for number in [0, -129, 1 << 31, i64::MIN, i64::MAX] {
            let out = written(|w| w.write_integer(number));
            assert_eq!(Reader::over_bytes(&out).read_string().expect("just written"), number.to_string().as_bytes());
        }
        let out = written(|w| w.write_string(b"-77"));
        assert_eq!(Reader::over_bytes(&out).read_item().expect("just written"), Item::Int(-77));
    }

    #[test]
    fn long_strings_are_compressed_when_it_pays() {
        let twenty = written(|w| w.write_string(&[b'x'; 20]));
        assert_eq!(twenty[0], 20);
        let more = written(|w| w.write_string(&[b'x'; 21]));
        assert_eq!(more[0], COMPRESSED);
        let all_different: Vec<u8> = (0..=255).collect();
        assert_eq!(written(|w| w.write_string(&all_different)).len(), 258);
        for length in [21, 1000, 200_000, 3_000_000] {
            let text: Vec<u8> = (0..length).map(|i| (i / 7 % 11) as u8).collect();
            let out = written(|w| w.write_string(&text));
            assert!(out.len() < text.len());
            assert_eq!(Reader::over_bytes(&out).read_string().expect("just written"), text);
            assert_eq!(Reader::with_window(&out[..], 64).read_string_owned().expect("just written"), text);
        }
    }

    #[test]
    fn offset_and_checksum_run_along() {
        let mut writer = Writer::new(Vec::new(), ALL_ON);
        writer.write_header().expect("memory");
        for i in 0..50_000_i64 {
            writer.write_integer(i * 99_999_989).expect("memory");
        }
        writer.write_raw(&vec![7; 3 * BUFFER_BYTES]).expect("memory");
        let offset = writer.offset();
        let file = writer.finish().expect("memory");
        assert_eq!(file.len() as u64, offset + 9);
        assert_eq!(file[file.len() - 8..], crate::base::crc::crc64(&file[..file.len() - 8]).to_le_bytes());
    }
}
