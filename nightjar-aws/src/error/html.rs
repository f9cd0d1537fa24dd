//! HTML responses, which come from proxies and filters and never from AWS.

use aws_smithy_runtime_api::http::Response;

/// Whether a response is an HTML page.
pub fn is_html_response(response: &Response) -> bool {
    let begins_as_html = |body: &[u8]| {
        let text = body.trim_ascii_start();
        [&b"<!doctype html"[..], b"<html"].iter().any(|start| {
            text.get(..start.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        })
    };
    response
        .headers()
        .get("content-type")
        .is_some_and(is_html_type)
        || response.body().bytes().is_some_and(begins_as_html)
}

/// Whether a content type is that of an HTML page.
pub fn is_html_type(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default();
    name.trim().eq_ignore_ascii_case("text/html")
}
