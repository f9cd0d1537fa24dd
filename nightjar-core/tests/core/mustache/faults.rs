//! Every fault of a template's text, word for word.

use nightjar_core::template::Template;

fn faults(text: &str) -> String {
    match Template::parse("cds.json", text) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn each_fault_says_what_and_where() {
    for (text, expected) in [
        (
            "a\n  {{#x}}\n",
            "cds.json:2:3: section \"x\" is never closed",
        ),
        (
            "{{/x}}",
            "cds.json:1:1: section \"x\" is closed but not open",
        ),
        (
            "{{#a}}\n{{^b}}\n{{/a}}",
            "cds.json:2:1: section \"b\" is not closed before \"a\" in line 3",
        ),
        ("é\té{{x", "cds.json:1:4: tag is not closed with }}"),
        ("{{{x}}", "cds.json:1:1: tag is not closed with }}}"),
        ("{{x {{y}}", "cds.json:1:1: tag is not closed with }}"),
        ("{{! x", "cds.json:1:1: tag is not closed with }}"),
        ("{{=<% %>}}", "cds.json:1:1: tag is not closed with =}}"),
        (
            "{{=<% %>=}}<%x}}",
            "cds.json:1:12: tag is not closed with %>",
        ),
        (
            "{{=<=>=}}",
            "cds.json:1:1: a tag that sets delimiters needs two of them, without \"=\" and separated by white space",
        ),
        (
            "{{=a b c=}}",
            "cds.json:1:1: a tag that sets delimiters needs two of them, without \"=\" and separated by white space",
        ),
        ("{{}}", "cds.json:1:1: tag has no name"),
        ("{{# }}{{/}}", "cds.json:1:1: tag has no name"),
        ("{{>}}", "cds.json:1:1: tag has no name"),
        ("{{a b}}", "cds.json:1:1: name \"a b\" contains white space"),
        (
            "{{>a b}}",
            "cds.json:1:1: name \"a b\" contains white space",
        ),
        ("{{a..b}}", "cds.json:1:1: name \"a..b\" has an empty part"),
        ("{{.a}}", "cds.json:1:1: name \".a\" has an empty part"),
        (
            "{{<a}}",
            "cds.json:1:1: template inheritance is not supported",
        ),
        (
            "{{$a}}",
            "cds.json:1:1: template inheritance is not supported",
        ),
        (
            "{{>*a}}",
            "cds.json:1:1: dynamic names of partials are not supported",
        ),
        (
            "a\r\nb\0",
            "cds.json:2:2: a template cannot contain a NUL character",
        ),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn all_faults_are_listed_in_the_order_of_the_text() {
    let text = "{{#a}}\n{{b c}}\n{{/d}}\n{{}} {{{e}}\n{{#f}}\n{{/a}}{{#g}}\0{{h";
    assert_eq!(
        faults(text),
        "cds.json:2:1: name \"b c\" contains white space\n\
         cds.json:3:1: section \"d\" is closed but not open\n\
         cds.json:4:1: tag has no name\n\
         cds.json:4:6: tag is not closed with }}}\n\
         cds.json:5:1: section \"f\" is not closed before \"a\" in line 6\n\
         cds.json:6:13: a template cannot contain a NUL character\n\
         cds.json:6:14: tag is not closed with }}"
    );
}

#[test]
fn sections_nest_sixteen_deep() {
    let nested = |depth| format!("{}{}", "{{#a}}".repeat(depth), "{{/a}}".repeat(depth));
    assert_eq!(faults(&nested(16)), "");
    assert_eq!(
        faults(&nested(18)),
        "cds.json:1:97: section \"a\" is nested in more than 16 others\n\
         cds.json:1:103: section \"a\" is nested in more than 16 others"
    );
}

#[test]
fn a_text_of_nothing_but_faults_makes_a_short_list() {
    let expected: Vec<String> = (0..100)
        .map(|tag| format!("cds.json:1:{}: tag has no name", tag * 4 + 1))
        .collect();
    assert_eq!(faults(&"{{}}".repeat(1000)), expected.join("\n"));
}
