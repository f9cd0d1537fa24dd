//! Pages for people, which no service of AWS gives to a program: those of proxies and filters.

use aws_smithy_runtime_api::http::Response;

/// Whether an answer is a page for people.
pub fn is_page(answer: &Response) -> bool {
    let begins_as_page = |body: &[u8]| {
        let text = body.trim_ascii_start();
        [&b"<!doctype html"[..], b"<html"].iter().any(|start| {
            text.get(..start.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        })
    };
    answer.headers().get("content-type").is_some_and(is_html)
        || answer.body().bytes().is_some_and(begins_as_page)
}

/// Whether a content type is that of a page for people.
pub fn is_html(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case("text/html")
}
