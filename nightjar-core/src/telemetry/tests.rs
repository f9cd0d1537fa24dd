use super::{
    extension,
    program::{LogFormat, dropped_lines, json, text},
    queue::Capture as Sink,
};

/// The lines that a few events make.
fn lines<S>(subscriber: impl FnOnce(Box<dyn Fn() -> Sink + Send + Sync>) -> S) -> Vec<String>
where
    S: tracing::Subscriber + Send + Sync + 'static,
{
    let sink = Sink::default();
    let writer = sink.clone();
    tracing::subscriber::with_default(subscriber(Box::new(move || writer.clone())), || {
        tracing::info!(service = "shop", count = 3, "started \"now\"");
        tracing::debug!("detail");
        tracing::debug!(target: "hyper::client", "of a library");
        tracing::info!(target: "aws_config::profile::credentials", "loaded base credentials");
        tracing::error!(target: "aws_smithy_runtime", "of the AWS SDK");
        tracing::warn!("careful");
    });
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The lines without their times, which are checked to be in UTC with microseconds.
fn without_times(lines: Vec<String>) -> Vec<String> {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z").unwrap();
    let mut shortened = Vec::new();
    for line in lines {
        assert!(time.is_match(&line), "{line}");
        shortened.push(time.replace(&line, "TIME").into_owned());
    }
    shortened
}

#[test]
fn text_lines() {
    assert_eq!(
        without_times(lines(|writer| text(false, writer))),
        [
            "TIME  INFO started \"now\" service=\"shop\" count=3",
            "TIME  WARN careful"
        ]
    );
    assert_eq!(
        without_times(lines(|writer| text(true, writer))),
        [
            "TIME  INFO started \"now\" service=\"shop\" count=3",
            "TIME DEBUG detail",
            "TIME  WARN careful"
        ]
    );
}

#[test]
fn json_lines() {
    assert_eq!(
        without_times(lines(|writer| json(false, writer))),
        [
            r#"{"timestamp":"TIME","level":"INFO","message":"started \"now\"","service":"shop","count":3}"#,
            r#"{"timestamp":"TIME","level":"WARN","message":"careful"}"#
        ]
    );
}

#[test]
fn lines_of_an_extension() {
    assert_eq!(
        lines(|writer| extension(false, writer)),
        [
            " INFO started \"now\" service=\"shop\" count=3",
            " WARN careful"
        ]
    );
}

#[test]
fn dropped_lines_are_counted_in_the_form_of_the_log() {
    let line = |format| {
        let line = String::from_utf8(dropped_lines(7, format)).unwrap();
        without_times(vec![line])
    };
    assert_eq!(
        line(LogFormat::Text),
        ["TIME  WARN 7 log lines were dropped here because standard error did not accept them\n"]
    );
    assert_eq!(
        line(LogFormat::Json),
        [
            "{\"timestamp\":\"TIME\",\"level\":\"WARN\",\"message\":\"7 log lines were dropped here \
             because standard error did not accept them\"}\n"
        ]
    );
}
