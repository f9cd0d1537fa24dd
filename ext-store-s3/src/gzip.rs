//! Gzip with size limits.

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use std::io::{self, Read, Write};

/// Documents larger than this, in bytes, are kept compressed: below, a request costs more than
/// its bytes do.
const COMPRESSION_THRESHOLD: usize = 256 * 1024;
/// What a gzip stream begins with, and JSON never does.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The bytes as they are kept, and their content encoding, if they have one.
pub(crate) fn compress(json: Vec<u8>) -> io::Result<(Vec<u8>, Option<&'static str>)> {
    if json.len() <= COMPRESSION_THRESHOLD {
        return Ok((json, None));
    }
    // No name and no time goes into it: equal content has to give an equal ETag.
    let compressed = Vec::with_capacity(json.len() / 8);
    let mut encoder = GzEncoder::new(compressed, Compression::default());
    encoder.write_all(&json)?;
    Ok((encoder.finish()?, Some("gzip")))
}

/// The document in the bytes, or `None` if it is larger than `max_bytes`.
///
/// The bytes tell whether they are compressed, as a person who uploads a file may leave out the
/// content encoding, and a server may have decompressed what it hands over.
pub(crate) fn decompress(stored: Vec<u8>, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let json = if stored.starts_with(&MAGIC) {
        let mut json = Vec::with_capacity(stored.len().saturating_mul(4));
        MultiGzDecoder::new(stored.as_slice())
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut json)?;
        json
    } else {
        stored
    };
    Ok((json.len() as u64 <= max_bytes).then_some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_documents_are_kept_as_they_are() {
        let json = vec![b' '; COMPRESSION_THRESHOLD];
        assert_eq!(compress(json.clone()).unwrap(), (json.clone(), None));
        assert_eq!(decompress(json.clone(), 1 << 20).unwrap(), Some(json));
    }

    #[test]
    fn large_documents_are_compressed_in_the_same_way_each_time() {
        let json = "{\"a\":1} ".repeat(100_000).into_bytes();
        let (compressed, encoding) = compress(json.clone()).unwrap();
        assert_eq!(encoding, Some("gzip"));
        assert!(compressed.len() < 10_000, "{}", compressed.len());
        assert_eq!(compress(json.clone()).unwrap().0, compressed);
        assert_eq!(
            decompress(compressed, json.len() as u64).unwrap(),
            Some(json)
        );
    }

    #[test]
    fn nothing_is_decompressed_beyond_the_limit() {
        let json = vec![b' '; 8 << 20];
        let (compressed, _) = compress(json.clone()).unwrap();
        assert!(compressed.len() < 10_000, "{}", compressed.len());
        assert_eq!(decompress(compressed, (8 << 20) - 1).unwrap(), None);
        assert_eq!(decompress(json, (8 << 20) - 1).unwrap(), None);
    }

    #[test]
    fn a_truncated_compressed_document_is_an_error() {
        let (compressed, _) = compress(vec![b' '; 1 << 20]).unwrap();
        for end in [2, 10, compressed.len() / 2, compressed.len() - 1] {
            assert!(
                decompress(compressed[..end].to_vec(), 2 << 20).is_err(),
                "{end}"
            );
        }
    }
}
