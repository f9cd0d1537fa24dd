//! Gzip, within bounds.

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use std::io::{self, Read, Write};

/// Documents larger than this, in bytes, are kept compressed: below, a request costs more than
/// its bytes do.
const PACKED_FROM: usize = 256 * 1024;
/// What a gzip stream begins with, and JSON never does.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The bytes as they are kept, and their content encoding, if they have one.
pub(crate) fn pack(json: Vec<u8>) -> io::Result<(Vec<u8>, Option<&'static str>)> {
    if json.len() <= PACKED_FROM {
        return Ok((json, None));
    }
    // No name and no time goes into it: equal content has to give an equal ETag.
    let packed = Vec::with_capacity(json.len() / 8);
    let mut encoder = GzEncoder::new(packed, Compression::default());
    encoder.write_all(&json)?;
    Ok((encoder.finish()?, Some("gzip")))
}

/// The document in the bytes, or `None` if it is larger than `max_bytes`.
///
/// The bytes tell whether they are compressed, as a person who uploads a file may leave out the
/// content encoding, and a server may have unpacked what it hands over.
pub(crate) fn unpack(kept: Vec<u8>, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let json = if kept.starts_with(&MAGIC) {
        let mut json = Vec::with_capacity(kept.len().saturating_mul(4));
        MultiGzDecoder::new(kept.as_slice())
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut json)?;
        json
    } else {
        kept
    };
    Ok((json.len() as u64 <= max_bytes).then_some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_documents_are_kept_as_they_are() {
        let json = vec![b' '; PACKED_FROM];
        assert_eq!(pack(json.clone()).unwrap(), (json.clone(), None));
        assert_eq!(unpack(json.clone(), 1 << 20).unwrap(), Some(json));
    }

    #[test]
    fn large_documents_are_packed_in_the_same_way_each_time() {
        let json = "{\"a\":1} ".repeat(100_000).into_bytes();
        let (packed, encoding) = pack(json.clone()).unwrap();
        assert_eq!(encoding, Some("gzip"));
        assert!(packed.len() < 10_000, "{}", packed.len());
        assert_eq!(pack(json.clone()).unwrap().0, packed);
        assert_eq!(unpack(packed, json.len() as u64).unwrap(), Some(json));
    }

    #[test]
    fn what_unpacks_to_more_than_the_limit_is_not_unpacked() {
        let json = vec![b' '; 8 << 20];
        let (packed, _) = pack(json.clone()).unwrap();
        assert!(packed.len() < 10_000, "{}", packed.len());
        assert_eq!(unpack(packed, (8 << 20) - 1).unwrap(), None);
        assert_eq!(unpack(json, (8 << 20) - 1).unwrap(), None);
    }

    #[test]
    fn a_part_of_a_packed_document_is_a_fault() {
        let (packed, _) = pack(vec![b' '; 1 << 20]).unwrap();
        for end in [2, 10, packed.len() / 2, packed.len() - 1] {
            assert!(unpack(packed[..end].to_vec(), 2 << 20).is_err(), "{end}");
        }
    }
}
