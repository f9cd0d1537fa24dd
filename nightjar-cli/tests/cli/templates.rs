//! `nightjar template render` and `nightjar template lint`.

use crate::folder::{Folder, Outcome};

#[test]
fn exact_bytes_with_partials_and_no_newline_added() {
    let folder = Folder::new();
    folder.write(
        "t.mustache",
        "{{a}}|{{{a}}}|\n {{>p}}\n{{>sub/q}}{{>none}}.",
    );
    folder.write("c.json", r#"{"a": "<\"&>"}"#);
    folder.write("parts/p.mustache", "p {{a}}\nend\n");
    folder.write("parts/sub/q.mustache", "q");
    folder.write("parts/none.txt", "not a partial");
    let fixed = [
        "template",
        "render",
        "--template=t.mustache",
        "--context=c.json",
    ];
    let run = |arguments: &[&str]| folder.run(&[&fixed, arguments].concat());
    assert_eq!(
        run(&["--partials=parts", "--escape=html"]),
        Outcome::new(
            0,
            "&lt;&quot;&amp;&gt;|<\"&>|\n p &lt;&quot;&amp;&gt;\n end\nq.",
            ""
        )
    );
    assert_eq!(
        run(&["--escape=json"]),
        Outcome::new(0, "<\\\"&>|<\"&>|\n.", "")
    );
    assert_eq!(run(&[]), Outcome::new(0, "<\"&>|<\"&>|\n.", ""));
}

#[test]
fn the_name_of_the_file_chooses_the_escapes() {
    let folder = Folder::new();
    folder.write("c.json", r#""<\"""#);
    for (name, text) in [
        ("a.json.mustache", "<\\\""),
        ("a.yaml", "<\\\""),
        ("sub/a.html.mustache", "&lt;&quot;"),
        ("a.txt.mustache", "<\""),
    ] {
        folder.write(name, "{{.}}");
        let outcome = folder.run(&["template", "render", "--template", name, "--context=c.json"]);
        assert_eq!(outcome, Outcome::new(0, text, ""), "{name}");
    }
}

#[test]
fn any_json_is_a_context() {
    let folder = Folder::new();
    folder.write("t", "{{#.}}[{{.}}]{{/.}}{{^.}}none{{/.}}");
    for (context, text) in [
        ("[1, \"a\", 1.50]", "[1][a][1.5]"),
        ("\"x\"", "[x]"),
        ("true", "[true]"),
        ("null", "none"),
        ("[]", "none"),
    ] {
        let arguments = ["template", "render", "--template=t", "--context=-"];
        let outcome = folder.run_with_input(&arguments, context);
        assert_eq!(outcome, Outcome::new(0, text, ""), "{context}");
    }
}

#[test]
fn every_fault_of_the_template_and_its_partials() {
    let folder = Folder::new();
    folder.write("t.mustache", "{{#a}}\n{{x y}}");
    folder.write("parts/p.mustache", "\n {{/b}}");
    folder.write("c.json", "{}");
    let outcome = folder.run(&[
        "template",
        "render",
        "--template=t.mustache",
        "--context=c.json",
        "--partials=parts",
    ]);
    let message = "nightjar: the template is faulty:\n\
                   t.mustache:1:1: section \"a\" is never closed\n\
                   t.mustache:2:1: name \"x y\" contains white space\n\
                   parts/p.mustache:2:2: section \"b\" is closed but not open\n";
    assert_eq!(outcome, Outcome::new(1, "", message));
}

#[test]
fn what_cannot_be_read() {
    let folder = Folder::new();
    folder.write("t", "");
    folder.write("c.json", "{");
    folder.write("latin", b"caf\xe9");
    let run = |template: &str, context: &str| {
        let arguments = [
            "template",
            "render",
            "--template",
            template,
            "--context",
            context,
        ];
        folder.run(&arguments)
    };
    for (template, context, code, message) in [
        (
            "t",
            "c.json",
            1,
            "c.json is not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "t",
            "none",
            1,
            "cannot read none: No such file or directory (os error 2)",
        ),
        (
            "none",
            "c.json",
            1,
            "cannot read none: No such file or directory (os error 2)",
        ),
        (
            "latin",
            "c.json",
            1,
            "latin is not UTF-8 text: byte 3 is invalid",
        ),
        (
            "-",
            "-",
            64,
            "--template and --context cannot both be standard input",
        ),
    ] {
        let message = format!("nightjar: {message}\n");
        assert_eq!(run(template, context), Outcome::new(code, "", &message));
    }
}

#[test]
fn findings_have_places_and_only_errors_count() {
    let folder = Folder::new();
    folder.write(
        "rds-{{mesh_port}}.json.mustache",
        "{{#routes}}\n  {{path_is_case_sensitive}} {{pathh}}\n{{/routes}}",
    );
    folder.write("lds.json.mustache", "{{mesh_port}}");
    folder.write("bad.json.mustache", "{{#listeners}}");
    let lint = |arguments: &[&str]| folder.run(&[&["template", "lint"], arguments].concat());
    let warnings = "\
rds-{{mesh_port}}.json.mustache:2:30: warning: the context has no \"pathh\" here, so it renders as nothing
lds.json.mustache:1:1: warning: the context has no \"mesh_port\" here, so it renders as nothing
";
    let both = ["rds-{{mesh_port}}.json.mustache", "lds.json.mustache"];
    let summary = "nightjar: 2 templates: 0 errors, 2 warnings\n";
    assert_eq!(lint(&both), Outcome::new(0, warnings, summary));
    assert_eq!(
        lint(&[&both[..], &["--strict"]].concat()),
        Outcome::new(1, warnings, summary)
    );
    assert_eq!(
        lint(&["bad.json.mustache"]),
        Outcome::new(
            1,
            "bad.json.mustache:1:1: error: section \"listeners\" is never closed\n",
            "nightjar: 1 template: 1 error, 0 warnings\n"
        )
    );
    let json = r#"[
  {
    "file": "lds.json.mustache",
    "line": 1,
    "column": 1,
    "severity": "warning",
    "message": "the context has no \"mesh_port\" here, so it renders as nothing"
  }
]
"#;
    let summary = "nightjar: 1 template: 0 errors, 1 warning\n";
    assert_eq!(
        lint(&["--format=json", "lds.json.mustache"]),
        Outcome::new(0, json, summary)
    );
}

#[test]
fn the_shipped_templates_have_no_findings() {
    let folder = Folder::with_starter();
    assert_eq!(
        folder.run(&["template", "lint", "--strict", "templates"]),
        Outcome::new(0, "", "nightjar: 8 templates: 0 errors, 0 warnings\n")
    );
}
