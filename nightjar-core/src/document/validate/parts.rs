//! Parts of a JSON text: the members of an object and the items of a list, one by one.

use serde::{
    Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// Hands over the members of an object one by one. The text is known to be JSON.
pub(super) fn each_member(text: &str, member: impl FnMut(String, &RawValue)) {
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(Each(member));
}

/// Hands over the items of a list one by one. The text is known to be JSON.
pub(super) fn each_item(text: &str, mut item: impl FnMut(usize, &RawValue)) {
    let mut index = 0;
    let each = Each(|_: String, raw: &RawValue| {
        item(index, raw);
        index += 1;
    });
    let _ = serde_json::Deserializer::from_str(text).deserialize_seq(each);
}

struct Each<F>(F);

impl<'de, F: FnMut(String, &RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((name, raw)) = members.next_entry::<String, &RawValue>()? {
            (self.0)(name, raw);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(raw) = items.next_element::<&RawValue>()? {
            (self.0)(String::new(), raw);
        }
        Ok(())
    }
}
