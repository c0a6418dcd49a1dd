//! What modules of Redis left in a dump. This server has no modules, but it can tell where their data end.
//!
//! ```text
//! aux     id | 2 | when | parts          data of a module that belong to no key; `when`: before or after the keys
//! value   id | parts                     a key's value
//! parts   ( 1 or 2, a length | 3, four bytes | 4, eight bytes | 5, a string )* 0
//! ```

use super::reader::{Fault, Reader, Source};

/// What the next part of a value is.
mod part {
    pub const END: u64 = 0;
    pub const SIGNED: u64 = 1;
    pub const UNSIGNED: u64 = 2;
    pub const FLOAT: u64 = 3;
    pub const DOUBLE: u64 = 4;
    pub const STRING: u64 = 5;
}

/// A module's type name: nine characters of six bits each above ten bits of version.
fn name_of(id: u64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).rev().map(|i| char::from(ALPHABET[(id >> (10 + 6 * i)) as usize & 63])).collect()
}

/// Reads over data that belong to no key, and gives the module's name.
pub fn skip_data<S: Source>(reader: &mut Reader<S>) -> Result<String, Fault> {
    let name = name_of(reader.read_length()?);
    if reader.read_length()? != part::UNSIGNED {
        return Err(reader.corrupt("bad when_opcode"));
    }
    reader.read_length()?;
    skip_parts(reader, &name)?;
    Ok(name)
}

/// Reads over a key's value, and gives the module's name.
pub fn skip_value<S: Source>(reader: &mut Reader<S>) -> Result<String, Fault> {
    let name = name_of(reader.read_length()?);
    skip_parts(reader, &name)?;
    Ok(name)
}

/// The fault that a key's value is to who needs the value.
pub fn refuse_value<S: Source>(reader: &mut Reader<S>) -> Fault {
    match reader.read_length().map(name_of) {
        Ok(name) => reader
            .not_served(format!("The RDB file contains module data I can't load: no matching module type '{name}'")),
        Err(fault) => fault,
    }
}

fn skip_parts<S: Source>(reader: &mut Reader<S>, name: &str) -> Result<(), Fault> {
    loop {
        match reader.read_length()? {
            part::END => return Ok(()),
            part::SIGNED | part::UNSIGNED => drop(reader.read_length()?),
            part::FLOAT => drop(reader.read_array::<4>()?),
            part::DOUBLE => drop(reader.read_array::<8>()?),
            part::STRING => reader.skip_string()?,
            other => return Err(reader.corrupt(format!("Unknown part {other} in a value of module {name}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_nine_characters_above_the_version() {
        // "TAIRHASHX", version 1.
        let id = b"TAIRHASHX".iter().fold(0, |id, letter| id << 6 | u64::from(letter - b'A')) << 10 | 1;
        assert_eq!(name_of(id), "TAIRHASHX");
    }

    #[test]
    fn values_are_read_over_or_refused_by_name() {
        let mut bytes = vec![0x81];
        bytes.extend_from_slice(&(0x0041_0420_0000_0000_u64 << 8 | 1).to_be_bytes());
        bytes.extend_from_slice(b"\x01\x05\x02\x40\x50\x05\x02hi\x04\0\0\0\0\0\0\0\0\x00rest");
        let mut reader = Reader::over_bytes(&bytes);
        assert_eq!(skip_value(&mut reader).expect("well formed").len(), 9);
        assert_eq!(reader.read_bytes(4).expect("what follows"), b"rest");
        for length in 0..bytes.len() - 4 {
            let cut = skip_value(&mut Reader::over_bytes(&bytes[..length]));
            assert!(matches!(cut, Err(Fault::Short { .. })), "cut at {length}");
        }
        let fault = refuse_value(&mut Reader::over_bytes(&bytes));
        assert!(fault.to_string().contains("no matching module type '"), "{fault}");
    }
}
