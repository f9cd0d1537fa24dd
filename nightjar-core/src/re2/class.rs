//! Character classes as RE2 reads them for Envoy: every byte is a character.
//!
//! A character beyond ASCII is several of them. Most Unicode classes match nothing, since they have
//! no character of one byte.

use super::bytes::ByteSet;
use regex_syntax::{
    ast::{self, ClassSetItem},
    hir::{Class, Hir, HirKind},
};
use std::collections::HashMap;

/// The classes of one expression.
pub(super) struct Classes<'t> {
    text: &'t str,
    /// The classes with names by what is written for them.
    named: HashMap<&'t str, ByteSet>,
}

impl<'t> Classes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let named = HashMap::new();
        Self { text, named }
    }

    pub(super) fn bracketed(
        &mut self,
        class: &ast::ClassBracketed,
        fold_case: bool,
    ) -> Result<ByteSet, String> {
        let ast::ClassSet::Item(item) = &class.kind else {
            return Err("RE2 does not support set operations in a character class".to_owned());
        };
        let set = self.item(item, fold_case)?;
        Ok(if class.negated { !set } else { set })
    }

    fn item(&mut self, item: &ClassSetItem, fold_case: bool) -> Result<ByteSet, String> {
        let set = match item {
            ClassSetItem::Empty(_) => ByteSet::default(),
            ClassSetItem::Literal(literal) => literal_bytes(literal)?.into_iter().collect(),
            ClassSetItem::Range(range) => range_set(range)?,
            ClassSetItem::Ascii(class) => self.named(class.span, class.negated, fold_case),
            ClassSetItem::Unicode(class) => self.unicode(class, fold_case)?,
            ClassSetItem::Perl(class) => return Ok(perl(class)),
            ClassSetItem::Bracketed(_) => {
                return Err("RE2 does not support a character class inside another".to_owned());
            }
            ClassSetItem::Union(union) => {
                check_hyphens(&union.items)?;
                let mut all = ByteSet::default();
                for item in &union.items {
                    all = all | self.item(item, fold_case)?;
                }
                return Ok(all);
            }
        };
        Ok(if fold_case { set.fold_case() } else { set })
    }

    pub(super) fn unicode(
        &mut self,
        class: &ast::ClassUnicode,
        fold_case: bool,
    ) -> Result<ByteSet, String> {
        use ast::ClassUnicodeKind;
        let is_known = |name: &str| UNICODE_CLASSES.split(' ').any(|known| known == name);
        let is_known = match &class.kind {
            ClassUnicodeKind::OneLetter(letter) => is_known(letter.encode_utf8(&mut [0; 4])),
            ClassUnicodeKind::Named(name) => is_known(name),
            ClassUnicodeKind::NamedValue { .. } => false,
        };
        if is_known {
            return Ok(self.named(class.span, class.negated, fold_case));
        }
        Err(
            "RE2 supports \\p{…} only with the short name of a general category, such as \\p{Lu}, \
             or with a script, such as \\p{Greek}"
                .to_owned(),
        )
    }

    /// A class with a name. If case is folded, a negated one is without all characters that match
    /// the class in another case.
    fn named(&mut self, span: ast::Span, is_negated: bool, fold_case: bool) -> ByteSet {
        let name = slice(self.text, span);
        let set = *self.named.entry(name).or_insert_with(|| parse_class(name));
        match (fold_case, is_negated) {
            (false, _) => set,
            (true, false) => set.fold_case(),
            (true, true) => !(!set).fold_case(),
        }
    }
}

/// What is written at a place in an expression.
pub(super) fn slice(text: &str, span: ast::Span) -> &str {
    let range = span.start.offset..span.end.offset;
    text.get(range).unwrap_or_default()
}

/// `\d`, `\s` and `\w`, which are ASCII to RE2, and `\s` is without the vertical tab.
pub(super) fn perl(class: &ast::ClassPerl) -> ByteSet {
    let digits = ByteSet::range(b'0', b'9');
    let set = match class.kind {
        ast::ClassPerlKind::Digit => digits,
        ast::ClassPerlKind::Space => b"\t\n\x0c\r ".iter().copied().collect(),
        ast::ClassPerlKind::Word => {
            let letters = ByteSet::range(b'a', b'z').fold_case();
            digits | letters | ByteSet::range(b'_', b'_')
        }
    };
    if class.negated { !set } else { set }
}

/// The bytes of a class such as `[:alpha:]` or `\PL`, about which the `regex_syntax` crate and RE2
/// agree.
fn parse_class(name: &str) -> ByteSet {
    let hir = regex_syntax::parse(&format!("[{name}]"));
    let Ok(HirKind::Class(Class::Unicode(class))) = hir.as_ref().map(Hir::kind) else {
        // A single character, which then is beyond Latin-1, or surrogates, which are none.
        return ByteSet::default();
    };
    let mut set = ByteSet::default();
    for range in class.iter() {
        if let Ok(first) = u8::try_from(range.start()) {
            let last = u8::try_from(range.end()).unwrap_or(u8::MAX);
            set = set | ByteSet::range(first, last);
        }
    }
    set
}

/// The bytes that RE2 takes a literal for.
pub(super) fn literal_bytes(literal: &ast::Literal) -> Result<Vec<u8>, String> {
    use ast::{HexLiteralKind, LiteralKind};
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::X) | LiteralKind::HexBrace(HexLiteralKind::X) => {
            match u8::try_from(literal.c) {
                Ok(byte) => Ok(vec![byte]),
                Err(_) => Err("Envoy compares bytes, so \\x{…} must not exceed \\x{FF}".to_owned()),
            }
        }
        LiteralKind::HexFixed(_) | LiteralKind::HexBrace(_) => {
            Err("RE2 does not support \\u and \\U; write \\x{…}".to_owned())
        }
        _ => Ok(literal.c.to_string().into_bytes()),
    }
}

/// The bytes of a range; of characters beyond ASCII, it has one byte and the others count alone.
fn range_set(range: &ast::ClassSetRange) -> Result<ByteSet, String> {
    let mut start = literal_bytes(&range.start)?;
    let mut end = literal_bytes(&range.end)?.into_iter();
    let (first, last) = (start.pop(), end.next());
    if first > last {
        return Err(
            "Envoy compares bytes, and as bytes this range ends before it starts".to_owned(),
        );
    }
    let between = first
        .zip(last)
        .map(|(first, last)| ByteSet::range(first, last));
    Ok(between.unwrap_or_default() | start.into_iter().chain(end).collect())
}

/// Refuses hyphens that RE2 takes for a range: in `[--z]`, and in `[a-é-z]`, where `é` has another
/// byte before the hyphen.
fn check_hyphens(items: &[ClassSetItem]) -> Result<(), String> {
    let is_hyphen =
        |literal: &ast::Literal| literal.c == '-' && literal.kind == ast::LiteralKind::Verbatim;
    let is_range = |items: &[ClassSetItem]| match items {
        [before, ClassSetItem::Literal(hyphen), _] if is_hyphen(hyphen) => match before {
            ClassSetItem::Literal(literal) => is_hyphen(literal),
            ClassSetItem::Range(range) => literal_bytes(&range.end).is_ok_and(|end| end.len() > 1),
            _ => false,
        },
        _ => false,
    };
    if items.windows(3).any(is_range) {
        return Err("RE2 reads the hyphen as a range; write \\-".to_owned());
    }
    Ok(())
}

/// What RE2 knows: general categories by their short names and scripts by their long ones
/// (`unicode_groups.cc` in its sources).
const UNICODE_CLASSES: &str = "\
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak \
    Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid C Canadian_Aboriginal Carian \
    Caucasian_Albanian Cc Cf Chakma Cham Cherokee Chorasmian Co Common Coptic Cs Cuneiform \
    Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan \
    Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek \
    Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana \
    Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi \
    Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi L Lao \
    Latin Lepcha Limbu Linear_A Linear_B Lisu Ll Lm Lo Lt Lu Lycian Lydian M Mahajani Makasar \
    Malayalam Mandaic Manichaean Marchen Masaram_Gondi Mc Me Medefaidrin Meetei_Mayek \
    Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Mn Modi Mongolian Mro Multani \
    Myanmar N Nabataean Nag_Mundari Nandinagari Nd New_Tai_Lue Newa Nko Nl No Nushu \
    Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic \
    Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya P \
    Pahawh_Hmong Palmyrene Pau_Cin_Hau Pc Pd Pe Pf Phags_Pa Phoenician Pi Po Ps Psalter_Pahlavi \
    Rejang Runic S Samaritan Saurashtra Sc Sharada Shavian Siddham SignWriting Sinhala Sk Sm So \
    Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham \
    Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic \
    Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Z Zanabazar_Square Zl Zp Zs";
