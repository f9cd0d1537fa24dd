//! The store in S3, from outside: exit codes, messages, objects, and every call on the wire.

mod commits;
mod credentials;
mod faults;
mod fetches;
mod history;
mod mesh;
mod profiles;
mod races;
mod servers;
mod versions;

use e2e::{
    aws::Aws,
    extension::{Ending, Extension},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
};

const MAP: &str = "nightjar-datastore/discovery-map/current.json";
const COPIES: &str = "nightjar-datastore/discovery-map/history/";

/// A store in a bucket of its own.
struct Store {
    aws: Aws,
    bucket: String,
}

impl Store {
    /// A store in an empty bucket.
    fn new() -> Self {
        let aws = Aws::start();
        let bucket = aws.bucket();
        Self { aws, bucket }
    }

    /// A store in which a discovery map was committed. Calls are counted from there on.
    fn with_map(map: &Value) -> Self {
        let store = Self::new();
        store.committed(map);
        store.aws.wire.forget();
        store
    }

    /// The settings of whoever uses it.
    fn env(&self) -> BTreeMap<String, String> {
        let mut env = self.aws.env();
        env.insert("NJ_DSS3_BUCKET".to_owned(), self.bucket.clone());
        // Most documents here are too small to be whole.
        env.insert("NJ_STORE_ACCEPT_INVALID".to_owned(), "true".to_owned());
        env
    }

    fn program(&self) -> Extension {
        Extension::new("ext-store-s3").envs(self.env())
    }

    /// The whole discovery map.
    fn fetch(&self) -> Ending {
        self.told(fetch(&self.program()))
    }

    /// The discovery map, if it is another one.
    fn fetch_after(&self, version: &str) -> Ending {
        let arguments = ["--document=discovery-map", "--action=fetch"];
        self.told(self.program().call_after(version, &arguments))
    }

    fn commit(&self, map: &Value) -> Ending {
        self.told(commit(&self.program(), map))
    }

    /// Commits in place of one version alone.
    fn commit_over(&self, version: &str, map: &Value) -> Ending {
        let previous = format!("--previous-document-version={version}");
        let arguments = ["--document=discovery-map", "--action=commit", &previous];
        self.told(self.program().give(map, &arguments))
    }

    fn committed(&self, map: &Value) {
        assert_eq!(self.commit(map), done());
    }

    /// An ending without the bucket's own name.
    fn told(&self, ending: Ending) -> Ending {
        Ending {
            stderr: ending.stderr.replace(&self.bucket, "BUCKET"),
            ..ending
        }
    }

    /// The calls since the last look.
    fn calls(&self) -> Vec<(String, u64)> {
        let calls = self.aws.wire.calls();
        self.aws.wire.forget();
        calls.into_iter().collect()
    }

    /// The keys of all objects.
    fn keys(&self) -> Vec<String> {
        let parameters = json!({"Bucket": self.bucket});
        let listing = self.aws.call("s3", "list_objects_v2", parameters);
        let objects = listing["Contents"].as_array().cloned().unwrap_or_default();
        let key = |object: &Value| object["Key"].as_str().unwrap().to_owned();
        objects.iter().map(key).collect()
    }

    /// The name of each copy of the discovery map.
    fn copies(&self) -> Vec<String> {
        let keys = self.keys().into_iter();
        keys.filter_map(|key| Some(key.strip_prefix(COPIES)?.to_owned()))
            .collect()
    }

    /// An object's text.
    fn object(&self, key: &str) -> String {
        let parameters = json!({"Bucket": self.bucket, "Key": key});
        let object = self.aws.call("s3", "get_object", parameters);
        object["Body"].as_str().unwrap().to_owned()
    }

    /// Puts any bytes into the bucket, not by way of the program.
    fn put(&self, key: &str, bytes: &[u8]) {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIA0/20260101/eu-central-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let head = format!(
            "PUT /{}/{key} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {signed}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.bucket,
            bytes.len()
        );
        let mut stream = TcpStream::connect(self.aws.wire.address()).unwrap();
        stream
            .write_all(&[head.as_bytes(), bytes].concat())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        self.aws.wire.forget();
    }
}

fn fetch(program: &Extension) -> Ending {
    program.call(&["--document=discovery-map", "--action=fetch"])
}

fn commit(program: &Extension, map: &Value) -> Ending {
    program.give(map, &["--document=discovery-map", "--action=commit"])
}

/// Ended well, with nothing to hand over and nothing to say.
fn done() -> Ending {
    ended(0, "")
}

/// Ended with this code and these words after the program's name, and without a file.
fn ended(code: i32, message: &str) -> Ending {
    let stderr = match message {
        "" => String::new(),
        message => format!("ext-store-s3: {message}\n"),
    };
    Ending {
        code: Some(code),
        stderr,
        document: None,
    }
}

/// A small map that says what it is.
fn map(name: &str) -> Value {
    json!({"schema-version": "v1", "document-version": "given", "namespaces": [], "name": name})
}

/// A map of some hundred kilobytes or more.
fn large_map(name: &str, kilobytes: usize) -> Value {
    let mut map = map(name);
    map["filling"] = vec!["x".repeat(1023); kilobytes].into();
    map
}

/// A document without its version.
fn content(document: Option<Value>) -> Value {
    let mut document = document.unwrap();
    document.as_object_mut().unwrap().remove("document-version");
    document
}

fn one(call: &str) -> Vec<(String, u64)> {
    counts(&[(call, 1)])
}

fn counts(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    let pairs = counts
        .iter()
        .map(|(call, count)| ((*call).to_owned(), *count));
    pairs.collect()
}
