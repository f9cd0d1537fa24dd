//! A mesh as a drawing: boxes for namespaces and services, arrows for who calls whom, as SVG or as a page
//! that can be searched. Pure; the same mesh gives the same bytes.

mod arrange;
mod card;
mod frame;
mod markup;
mod page;
mod svg;
#[cfg(test)]
mod tests;

pub(crate) use page::html;
pub(crate) use svg::svg;

/// A number of things as a number of pixels.
fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
