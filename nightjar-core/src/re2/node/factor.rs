//! RE2's factoring of alternatives: `ABC|ABD|AEF` becomes `A(B[CD]|EF)`.

use super::Node;
use std::mem;

/// Factors out what adjacent alternatives start with, and merges those of one byte. As often as
/// `levels` says, this is done again with what is left of them.
pub(super) fn factor(items: Vec<Node>, levels: u32) -> Vec<Node> {
    let Some(levels) = levels.checked_sub(1) else {
        return merge_bytes(items);
    };
    let items = factor_starts(items, leading_literal, levels);
    merge_bytes(factor_starts(items, leading_item, levels))
}

type Start = for<'n> fn(&'n Node) -> Option<&'n Node>;

fn factor_starts(items: Vec<Node>, start: Start, levels: u32) -> Vec<Node> {
    let mut factored = Vec::new();
    let mut run = Vec::new();
    let mut shared: Option<Node> = None;
    for item in items {
        let both = shared.as_ref().zip(start(&item));
        let both = both.and_then(|(shared, start)| common(shared, start));
        if both.is_some() {
            shared = both;
        } else {
            let next = start(&item).cloned();
            factored.extend(factor_run(mem::take(&mut run), shared, levels));
            shared = next;
        }
        run.push(item);
    }
    factored.extend(factor_run(run, shared, levels));
    factored
}

/// Factors out what all of these alternatives start with.
fn factor_run(mut run: Vec<Node>, shared: Option<Node>, levels: u32) -> Vec<Node> {
    let Some(shared) = shared.filter(|_| run.len() > 1) else {
        return run;
    };
    for item in &mut run {
        strip(item, &shared);
    }
    let rest = Node::one_or(factor(run, levels), Node::Alternate);
    vec![Node::Concat(vec![shared, rest])]
}

fn leading_literal(node: &Node) -> Option<&Node> {
    match node {
        Node::Literal(_) => Some(node),
        Node::Concat(items) => leading_literal(items.first()?),
        _ => None,
    }
}

/// The first item, if it is of a kind that RE2 factors out.
fn leading_item(node: &Node) -> Option<&Node> {
    let first = match node {
        Node::Concat(items) => items.first()?,
        other => other,
    };
    let is_simple = match first {
        Node::Class(_) | Node::AnyByte | Node::Assertion { .. } => true,
        Node::Repeat(sub, repeat) => {
            repeat.is_counted && repeat.max == Some(repeat.min) && sub.is_one_byte()
        }
        _ => false,
    };
    is_simple.then_some(first)
}

fn common(one: &Node, other: &Node) -> Option<Node> {
    match (one, other) {
        (Node::Literal(one), Node::Literal(other)) => one.common(other).map(Node::Literal),
        _ => (one == other).then(|| one.clone()),
    }
}

/// Removes a start that the node has.
fn strip(node: &mut Node, start: &Node) {
    match (&mut *node, start) {
        (Node::Concat(items), _) => {
            if let Some(first) = items.first_mut() {
                strip(first, start);
                if *first == Node::Empty {
                    items.remove(0);
                }
            }
            *node = Node::one_or(mem::take(items), Node::Concat);
        }
        (Node::Literal(literal), Node::Literal(start))
            if start.bytes.len() < literal.bytes.len() =>
        {
            literal.bytes.drain(..start.bytes.len());
        }
        _ => *node = Node::Empty,
    }
}

/// Makes one class of adjacent alternatives of one byte.
fn merge_bytes(items: Vec<Node>) -> Vec<Node> {
    let mut merged: Vec<Node> = Vec::new();
    for item in items {
        let last = merged.last().and_then(Node::byte_set);
        if let Some((last, next)) = last.zip(item.byte_set()) {
            merged.pop();
            merged.push(Node::Class(last | next));
        } else {
            merged.push(item);
        }
    }
    merged
}
