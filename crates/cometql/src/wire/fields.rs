//! A cursor over the fields of one packet: fixed integers, length-encoded
//! integers and strings, NUL-terminated strings. Every read is checked; a field
//! that is not all there is [`Malformed`]. No packet's meaning lives here.

/// A field is cut off or has a form the protocol does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet ends inside a field")]
pub(super) struct Malformed;

/// What is left of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(packet: &'a [u8]) -> Self {
        Self { rest: packet }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (field, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length-encoded integer. 0xFB (NULL) and 0xFF (error) are not lengths.
    pub(super) fn length(&mut self) -> Result<usize, Malformed> {
        let value = match self.u8()? {
            short @ 0..=0xFA => u64::from(short),
            0xFC => u64::from(self.u16()?),
            0xFD => {
                let [a, b, c] = self.array()?;
                u64::from(u32::from_le_bytes([a, b, c, 0]))
            }
            0xFE => u64::from_le_bytes(self.array()?),
            0xFB | 0xFF => return Err(Malformed),
        };
        usize::try_from(value).map_err(|_| Malformed)
    }

    /// Bytes preceded by their length-encoded length.
    pub(super) fn length_bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        self.bytes(length)
    }

    /// Bytes up to a NUL, which is consumed and not returned.
    pub(super) fn until_nul(&mut self) -> Result<&'a [u8], Malformed> {
        let end = memchr::memchr(0, self.rest).ok_or(Malformed)?;
        let field = self.bytes(end)?;
        self.bytes(1)?;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (field, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_read_in_all_four_forms() {
        for (packet, expected) in [
            (&[0xFA][..], 250),
            (&[0xFC, 1, 2][..], 0x0201),
            (&[0xFD, 1, 2, 3][..], 0x03_0201),
            (&[0xFE, 1, 2, 3, 0, 0, 0, 0, 0][..], 0x03_0201),
        ] {
            assert_eq!(Fields::new(packet).length(), Ok(expected));
        }
    }

    #[test]
    fn null_and_error_markers_are_not_lengths() {
        assert_eq!(Fields::new(&[0xFB]).length(), Err(Malformed));
        assert_eq!(Fields::new(&[0xFF]).length(), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_packet_is_malformed() {
        assert_eq!(Fields::new(&[5, b'a']).length_bytes(), Err(Malformed));
        let huge = [0xFE, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(Fields::new(&huge).length_bytes(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn reading_never_takes_more_than_there_is(packet: Vec<u8>, take: usize) {
            let mut fields = Fields::new(&packet);
            let _ = fields.length_bytes();
            let _ = fields.until_nul();
            let _ = fields.bytes(take);
            prop_assert!(fields.rest().len() <= packet.len());
        }
    }
}
