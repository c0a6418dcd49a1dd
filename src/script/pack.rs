//! The library `struct`: values laid out in bytes as a format says, and read back.
//!
//! ```text
//! > < !n    high byte first, low byte first, alignment up to n       x        a zero byte
//! b B h H l L T i I   integers of 1, 2, 8, 8 (T), 4 bytes, in or In of n; capitals are unsigned
//! f d       float, double       s   a string that a zero byte ends   cn   n bytes; c0 as many as the number before says
//! ```

use mlua::{Lua, MultiValue, Table, Value};

use super::convert::{function, number_argument, number_of, optional_integer, string_argument};
use super::number::to_integer;
use super::raise::{bad_argument, fail};

/// Bytes of the longest integer.
const INTEGER_BYTES_MAX: usize = 32;
/// Alignment that a `!` alone means.
const ALIGNMENT: usize = 8;

/// Values that one call gives back at most.
const RESULTS_MAX: usize = 4000;

/// The library's table.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    library.raw_set("pack", function(lua, pack)?)?;
    library.raw_set("unpack", function(lua, unpack)?)?;
    library.raw_set("size", function(lua, size)?)?;
    Ok(library)
}

/// A format on the way of being read.
struct Format<'f> {
    lua: &'f Lua,
    text: &'f [u8],
    at: usize,
    is_big_endian: bool,
    alignment: usize,
}

impl<'f> Format<'f> {
    fn new(lua: &'f Lua, text: &'f [u8]) -> Format<'f> {
        // As C strings do, a format ends at a zero byte.
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        Format { lua, text: &text[..end], at: 0, is_big_endian: false, alignment: 1 }
    }

    /// A number in the format, or `default`.
    fn number(&mut self, default: usize) -> mlua::Result<usize> {
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let mut number = 0i32;
        for digit in &self.text[self.at..self.at + digits] {
            let next = number.checked_mul(10).and_then(|n| n.checked_add(i32::from(digit - b'0')));
            number = next.ok_or_else(|| fail(self.lua, "integral size overflow"))?;
        }
        self.at += digits;
        Ok(number as usize)
    }

    /// The next option with its size in bytes.
    fn next(&mut self) -> mlua::Result<Option<(u8, usize)>> {
        let Some(&option) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INTEGER_BYTES_MAX {
                    let problem = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(fail(self.lua, problem));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((option, size)))
    }

    /// Bytes of padding before an option at position `at`.
    fn padding(&self, at: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.alignment);
        size.wrapping_sub(at & size.wrapping_sub(1)) & size.wrapping_sub(1)
    }

    /// An option that changes how the following are read.
    fn control(&mut self, option: u8) -> mlua::Result<()> {
        match option {
            b' ' => {}
            b'>' => self.is_big_endian = true,
            b'<' => self.is_big_endian = false,
            b'!' => {
                let alignment = self.number(ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(fail(self.lua, format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {
                let problem = format!("invalid format option '{}'", char::from(option));
                return Err(bad_argument(self.lua, 1, &problem));
            }
        }
        Ok(())
    }
}

fn is_integer(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
}

fn pack(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    let format = string_argument(lua, &args, 1)?;
    let format = format.as_bytes();
    let mut format = Format::new(lua, &format);
    let (mut out, mut argument) = (Vec::new(), 2);
    while let Some((option, size)) = format.next()? {
        out.resize(out.len() + format.padding(out.len(), option, size), 0);
        match option {
            _ if is_integer(option) => {
                put_integer(&mut out, number_argument(lua, &args, argument)?, size, format.is_big_endian);
                argument += 1;
            }
            b'x' => out.push(0),
            b'f' | b'd' => {
                let number = number_argument(lua, &args, argument)?;
                let from = out.len();
                match option {
                    b'f' => out.extend_from_slice(&(number as f32).to_le_bytes()),
                    _ => out.extend_from_slice(&number.to_le_bytes()),
                }
                if format.is_big_endian {
                    out[from..].reverse();
                }
                argument += 1;
            }
            b'c' | b's' => {
                let string = string_argument(lua, &args, argument)?;
                let string = string.as_bytes();
                let size = if size == 0 { string.len() } else { size };
                argument += 1;
                if string.len() < size {
                    return Err(bad_argument(lua, argument, "string too short"));
                }
                out.extend_from_slice(&string[..size]);
                if option == b's' {
                    out.push(0);
                }
            }
            _ => format.control(option)?,
        }
    }
    Ok(Value::String(lua.create_string(&out)?))
}

fn put_integer(out: &mut Vec<u8>, number: f64, size: usize, is_big_endian: bool) {
    // Beyond 64 bits there are zeros, of negative numbers too.
    let value = if number < 0.0 { to_integer(number) as u64 } else { number as u64 };
    let from = out.len();
    out.extend((0..size).map(|i| if i < 8 { (value >> (8 * i)) as u8 } else { 0 }));
    if is_big_endian {
        out[from..].reverse();
    }
}

fn get_integer(bytes: &[u8], is_big_endian: bool, is_signed: bool) -> f64 {
    let mut value = 0u64;
    let mut shift_in = |byte: &u8| value = value.wrapping_shl(8) | u64::from(*byte);
    if is_big_endian {
        bytes.iter().for_each(&mut shift_in);
    } else {
        bytes.iter().rev().for_each(&mut shift_in);
    }
    if !is_signed {
        return value as f64;
    }
    let bits = (bytes.len() * 8) as u32;
    let mask = u64::MAX.wrapping_shl(bits.wrapping_sub(1));
    if value & mask != 0 { (value | mask) as i64 as f64 } else { value as i64 as f64 }
}

fn unpack(lua: &Lua, args: MultiValue) -> mlua::Result<MultiValue> {
    let format = string_argument(lua, &args, 1)?;
    let format = format.as_bytes();
    let data = string_argument(lua, &args, 2)?;
    let data = data.as_bytes();
    let position = optional_integer(lua, &args, 3, 1)?;
    if position == 0 {
        return Err(bad_argument(lua, 3, "offset must be 1 or greater"));
    }
    let mut at = (position as usize).wrapping_sub(1);
    let too_short = || bad_argument(lua, 2, "data string too short");
    let mut format = Format::new(lua, &format);
    let mut values = MultiValue::new();
    while let Some((option, mut size)) = format.next()? {
        at = at.wrapping_add(format.padding(at, option, size));
        if size > data.len() || at > data.len() - size {
            return Err(too_short());
        }
        if values.len() == RESULTS_MAX {
            return Err(fail(lua, "too many results"));
        }
        let bytes = &data[at..at + size];
        let in_order = |mut bytes: Vec<u8>| {
            if format.is_big_endian {
                bytes.reverse();
            }
            bytes
        };
        match option {
            _ if is_integer(option) => {
                values.push_back(Value::Number(get_integer(bytes, format.is_big_endian, option.is_ascii_lowercase())));
            }
            b'x' => {}
            b'f' => {
                let bytes: [u8; 4] = in_order(bytes.to_vec()).try_into().expect("a float has four bytes");
                values.push_back(Value::Number(f64::from(f32::from_le_bytes(bytes))));
            }
            b'd' => {
                let bytes: [u8; 8] = in_order(bytes.to_vec()).try_into().expect("a double has eight bytes");
                values.push_back(Value::Number(f64::from_le_bytes(bytes)));
            }
            b'c' => {
                if size == 0 {
                    let previous = values.back().and_then(|value| number_of(lua, value));
                    let Some(previous) = previous else {
                        return Err(fail(lua, "format 'c0' needs a previous size"));
                    };
                    values.pop_back();
                    size = to_integer(previous) as usize;
                    if size > data.len() || at > data.len() - size {
                        return Err(too_short());
                    }
                }
                values.push_back(Value::String(lua.create_string(&data[at..at + size])?));
            }
            b's' => {
                let Some(length) = memchr::memchr(0, &data[at..]) else {
                    return Err(fail(lua, "unfinished string in data"));
                };
                values.push_back(Value::String(lua.create_string(&data[at..at + length])?));
                size = length + 1;
            }
            _ => format.control(option)?,
        }
        at += size;
    }
    values.push_back(Value::Integer(at as i64 + 1));
    Ok(values)
}

fn size(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    let text = string_argument(lua, &args, 1)?;
    let text = text.as_bytes();
    let mut format = Format::new(lua, &text);
    let mut at = 0usize;
    while let Some((option, size)) = format.next()? {
        at += format.padding(at, option, size);
        if option == b's' {
            return Err(bad_argument(lua, 1, "option 's' has no fixed size"));
        }
        if option == b'c' && size == 0 {
            return Err(bad_argument(lua, 1, "option 'c0' has no fixed size"));
        }
        if !option.is_ascii_alphanumeric() {
            format.control(option)?;
        }
        at += size;
    }
    Ok(Value::Integer(at as i64))
}
