//! What EC2 answers.

use crate::resources::Addresses;
use aws_smithy_types::error::ErrorMetadata;
use roxmltree::{Document, Node};
use std::str::FromStr;

/// A part of the instances that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) instances: Vec<Ec2Instance>,
    /// How to ask for the next part, if there is one.
    pub(super) token: Option<String>,
}

/// An EC2 instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ec2Instance {
    pub(crate) id: String,
    /// Its own addresses, those of the first interface.
    pub(crate) own: Addresses,
    pub(crate) interfaces: Vec<NetworkInterface>,
}

/// A network interface of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NetworkInterface {
    /// The network card and the place on it: 0 and 0 for the interface that the instance began with.
    pub(crate) position: (u32, u32),
    pub(crate) vpc: Option<String>,
    pub(crate) subnet: Option<String>,
    pub(crate) addresses: Addresses,
}

/// An answer that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResponseError {
    #[error("the answer is not UTF-8")]
    Text(#[from] std::str::Utf8Error),
    #[error("the answer is not XML")]
    Xml(#[from] roxmltree::Error),
    #[error("the answer is a <{0}>, not a <DescribeInstancesResponse>")]
    Other(String),
    #[error("the answer has no list of instances")]
    NoList,
}

/// Reads a successful answer.
pub(super) fn page(body: &[u8]) -> Result<Page, ResponseError> {
    let document = Document::parse(std::str::from_utf8(body)?)?;
    let root = document.root_element();
    if root.tag_name().name() != "DescribeInstancesResponse" {
        return Err(ResponseError::Other(root.tag_name().name().to_owned()));
    }
    if child(root, "reservationSet").is_none() {
        return Err(ResponseError::NoList);
    }
    let instances = items(root, "reservationSet")
        .flat_map(|reservation| items(reservation, "instancesSet"))
        .map(instance);
    Ok(Page {
        instances: instances.collect(),
        token: text(root, "nextToken").map(ToOwned::to_owned),
    })
}

/// Reads why a call was refused.
pub(super) fn error(body: &[u8]) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    let text_of = std::str::from_utf8(body).unwrap_or_default();
    if let Ok(document) = Document::parse(text_of) {
        let error = document
            .descendants()
            .find(|node| node.has_tag_name("Error"));
        if let Some(error) = error {
            if let Some(code) = text(error, "Code") {
                metadata = metadata.code(code);
            }
            if let Some(message) = text(error, "Message") {
                metadata = metadata.message(message);
            }
        }
    }
    metadata.build()
}

fn instance(node: Node<'_, '_>) -> Ec2Instance {
    Ec2Instance {
        id: text(node, "instanceId").unwrap_or_default().to_owned(),
        own: Addresses {
            ipv4: parsed(node, "privateIpAddress"),
            ipv6: parsed(node, "ipv6Address"),
        },
        interfaces: items(node, "networkInterfaceSet").map(attached).collect(),
    }
}

fn attached(node: Node<'_, '_>) -> NetworkInterface {
    let position = child(node, "attachment").map(|attachment| {
        let number = |name| parsed(attachment, name).unwrap_or_default();
        (number("networkCardIndex"), number("deviceIndex"))
    });
    NetworkInterface {
        position: position.unwrap_or_default(),
        vpc: text(node, "vpcId").map(ToOwned::to_owned),
        subnet: text(node, "subnetId").map(ToOwned::to_owned),
        addresses: Addresses {
            ipv4: parsed(node, "privateIpAddress"),
            ipv6: items(node, "ipv6AddressesSet").find_map(|item| parsed(item, "ipv6Address")),
        },
    }
}

fn child<'a, 'x>(node: Node<'a, 'x>, name: &str) -> Option<Node<'a, 'x>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

fn items<'a, 'x>(node: Node<'a, 'x>, name: &str) -> impl Iterator<Item = Node<'a, 'x>> {
    let sets = child(node, name).into_iter().flat_map(|set| set.children());
    sets.filter(|item| item.tag_name().name() == "item")
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let text = child(node, name)?.text()?.trim();
    (!text.is_empty()).then_some(text)
}

fn parsed<T: FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    text(node, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <reservationSet>
    <item><instancesSet>
      <item>
        <instanceId>i-1</instanceId>
        <privateIpAddress>10.0.0.1</privateIpAddress>
        <networkInterfaceSet>
          <item>
            <vpcId>vpc-1</vpcId><subnetId>subnet-b</subnetId>
            <privateIpAddress>10.0.1.1</privateIpAddress>
            <attachment><deviceIndex>1</deviceIndex><networkCardIndex>2</networkCardIndex></attachment>
            <ipv6AddressesSet>
              <item><ipv6Address>2001:db8::1</ipv6Address></item>
              <item><ipv6Address>2001:db8::2</ipv6Address></item>
            </ipv6AddressesSet>
          </item>
        </networkInterfaceSet>
      </item>
      <item><instanceId>i-2</instanceId></item>
    </instancesSet></item>
    <item><instancesSet><item><instanceId>i-3</instanceId></item></instancesSet></item>
  </reservationSet>
  <nextToken>more</nextToken>
</DescribeInstancesResponse>"#;

    #[test]
    fn instances_are_read_with_their_interfaces() -> Result<(), ResponseError> {
        let Page { instances, token } = page(PAGE.as_bytes())?;
        let ids: Vec<&str> = instances.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(
            (ids, token.as_deref()),
            (vec!["i-1", "i-2", "i-3"], Some("more"))
        );
        let first = instances.into_iter().next();
        assert_eq!(
            first,
            Some(Ec2Instance {
                id: "i-1".to_owned(),
                own: Addresses {
                    ipv4: "10.0.0.1".parse().ok(),
                    ipv6: None,
                },
                interfaces: vec![NetworkInterface {
                    position: (2, 1),
                    vpc: Some("vpc-1".to_owned()),
                    subnet: Some("subnet-b".to_owned()),
                    addresses: Addresses {
                        ipv4: "10.0.1.1".parse().ok(),
                        ipv6: "2001:db8::1".parse().ok(),
                    },
                }],
            })
        );
        Ok(())
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_an_empty_one() {
        for body in [
            "",
            "<html></html>",
            "{}",
            "<DescribeInstancesResponse>",
            "<DescribeInstancesResponse/>",
            "<DescribeInstancesResponse><requestId>r</requestId></DescribeInstancesResponse>",
            "\u{0}",
        ] {
            assert!(page(body.as_bytes()).is_err(), "{body}");
        }
        assert!(page(b"\xff").is_err());
        let none = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";
        assert!(page(none.as_bytes()).is_ok_and(|page| page == Page::default()));
    }

    #[test]
    fn a_refusal_has_its_code_and_message() {
        let body = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not \
                    authorized</Message></Error></Errors></Response>";
        let told = error(body.as_bytes());
        assert_eq!(told.code(), Some("UnauthorizedOperation"));
        assert_eq!(told.message(), Some("You are not authorized"));
        assert_eq!(error(b"<html>").code(), None);
    }
}
