//! The words of a request, borrowed from where they were read or owned.

use super::request::Span;
use crate::base::shared_bytes::SharedBytes;

/// Where words are that are not in the read buffer: unquoted inline words, and large arguments that were read apart.
#[derive(Debug, Default)]
pub struct Elsewhere {
    pub scratch: Vec<u8>,
    pub detached: Vec<SharedBytes>,
}

/// The words of one request: slices of the buffer that was read.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    elsewhere: Option<&'a Elsewhere>,
}

impl<'a> Args<'a> {
    /// Words that all lie in `buffer`.
    #[inline]
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        Args { buffer, spans, elsewhere: None }
    }

    /// Words that may lie elsewhere, too.
    #[inline]
    pub fn with_elsewhere(buffer: &'a [u8], spans: &'a [Span], elsewhere: &'a Elsewhere) -> Args<'a> {
        Args { buffer, spans, elsewhere: Some(elsewhere) }
    }

    /// Number of words, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Word `index`; the name is word 0. Panics beyond the end: the arity was checked.
    #[inline(always)]
    pub fn get(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        if span.is_in_input() {
            &self.buffer[span.offset as usize..][..span.len as usize]
        } else {
            self.get_elsewhere(span)
        }
    }

    #[cold]
    fn get_elsewhere(&self, span: Span) -> &'a [u8] {
        let elsewhere = self.elsewhere.expect("spans outside the input come with the place they are in");
        span.of(self.buffer, &elsewhere.scratch, &elsewhere.detached)
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator {
        (0..self.len()).map(move |i| self.get(i))
    }

    /// The words from `index` on.
    pub fn from(self, index: usize) -> Args<'a> {
        Args { spans: &self.spans[index..], ..self }
    }

    /// A copy that outlives the buffer.
    pub fn to_owned(self) -> OwnedRequest {
        let mut owned = OwnedRequest::default();
        self.iter().for_each(|word| owned.push(word));
        owned
    }
}

/// A request that outlived its read buffer: queued in MULTI, or waiting on a key.
#[derive(Clone, Debug, Default)]
pub struct OwnedRequest {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl OwnedRequest {
    #[inline]
    pub fn push(&mut self, word: &[u8]) {
        self.push_written(|bytes| bytes.extend_from_slice(word));
    }

    /// A word that is written behind the others.
    #[inline]
    pub fn push_written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let offset = self.bytes.len();
        write(&mut self.bytes);
        self.spans.push(Span { offset: offset as u32, len: (self.bytes.len() - offset) as u32 });
    }

    /// Forgets the words; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }

    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }

    /// Bytes held.
    pub fn byte_len(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}
