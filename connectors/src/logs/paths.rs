//! Target paths of field maps: `process:parent_ref.binary_ref.name` says which object of a
//! record an attribute belongs to, and through which references that object is reached.
//!
//! | path | object | attribute |
//! |---|---|---|
//! | `process:pid` | the record's process | `pid` |
//! | `file#loaded` + `name` | a second file, named `loaded` | `name` |
//! | `process:parent_ref.pid` | the process behind `parent_ref` | `pid` |
//! | `process:opened_connection_refs[0].src_port` | the first connection | `src_port` |
//!
//! Source: entities specification 10.2.

use std::collections::HashMap;

use kestrel_stix::{attribute::is_reference_key, schema};

/// The objects that maps speak of, numbered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    nodes: Vec<ObjectPath>,
    index: HashMap<String, u32>,
}

/// One object of a record, as maps speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectPath {
    /// Its type; none for an address, whose value decides.
    pub(crate) entity_type: Option<Box<str>>,
    /// How it is reached; none for the record's own objects.
    pub(crate) parent: Option<Parent>,
}

/// The reference that leads to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The object that holds the reference.
    pub(crate) object: u32,
    /// The reference's flattened name.
    pub(crate) reference: Box<str>,
    /// True for a list.
    pub(crate) list: bool,
}

/// An attribute of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Number of the object in [`Paths`].
    pub(crate) object: u32,
    /// Flattened name.
    pub(crate) attribute: Box<str>,
    /// Values are whole numbers.
    pub(crate) integer: bool,
}

/// Why a text is no target path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// No type before the colon.
    #[error("`{0}` does not start with an entity type")]
    NoType(String),
    /// An attribute is needed, and the path ends at an object.
    #[error("`{0}` names no attribute")]
    NoAttribute(String),
    /// An object is needed, and the path goes on with an attribute.
    #[error("`{0}` names an attribute where an object is needed")]
    NoObject(String),
    /// The data model does not say what a reference leads to.
    #[error("`{path}`: it is not known what `{reference}` of a {entity_type} leads to")]
    UnknownReference {
        /// The whole path.
        path: String,
        /// The reference.
        reference: String,
        /// The type that holds it.
        entity_type: String,
    },
}

impl Paths {
    /// Returns how many objects are numbered.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns object `number`.
    pub(crate) fn node(&self, number: u32) -> &ObjectPath {
        &self.nodes[number as usize]
    }

    /// Reads a path that ends with an attribute.
    pub(crate) fn target(&mut self, path: &str) -> Result<Target, BadTarget> {
        let (object, rest) = self.walk(path)?;
        if rest.is_empty() {
            return Err(BadTarget::NoAttribute(path.to_owned()));
        }
        self.attribute(object, &rest.join("."), path)
    }

    /// Reads a path that ends at an object.
    pub(crate) fn object(&mut self, path: &str) -> Result<u32, BadTarget> {
        let (object, rest) = self.walk(path)?;
        if rest.is_empty() { Ok(object) } else { Err(BadTarget::NoObject(path.to_owned())) }
    }

    /// Reads a path that ends with a reference: the object that holds it and its name.
    pub(crate) fn reference(&mut self, path: &str) -> Result<(u32, Box<str>, bool), BadTarget> {
        let object = self.object(path)?;
        match &self.node(object).parent {
            Some(parent) => Ok((parent.object, parent.reference.clone(), parent.list)),
            None => Err(BadTarget::NoAttribute(path.to_owned())),
        }
    }

    /// Returns the attribute of an object that is numbered already.
    pub(crate) fn attribute(&self, object: u32, attribute: &str, path: &str) -> Result<Target, BadTarget> {
        if attribute.is_empty() {
            return Err(BadTarget::NoAttribute(path.to_owned()));
        }
        let entity_type = self.node(object).entity_type.as_deref().unwrap_or("ipv4-addr");
        let attribute = schema::canonical_attribute(entity_type, attribute);
        let integer = schema::is_integer_attribute(entity_type, attribute);
        Ok(Target { object, attribute: attribute.into(), integer })
    }

    /// Returns the object behind a reference of an object, numbering it if need be.
    pub(crate) fn child(&mut self, object: u32, step: &str, path: &str) -> Result<u32, BadTarget> {
        let name = step.split_once('[').map_or(step, |(name, _)| name);
        let key = format!("{object}.{step}");
        if let Some(known) = self.index.get(&key) {
            return Ok(*known);
        }
        let holder = self.node(object).entity_type.as_deref().unwrap_or("ipv4-addr");
        let targets = schema::reference_targets(holder, name);
        let Some(first) = targets.first() else {
            return Err(BadTarget::UnknownReference {
                path: path.to_owned(),
                reference: name.to_owned(),
                entity_type: holder.to_owned(),
            });
        };
        let entity_type = (!targets.contains(&"ipv4-addr")).then(|| (*first).into());
        let parent = Parent { object, reference: name.into(), list: name.ends_with("_refs") };
        Ok(self.push(key, ObjectPath { entity_type, parent: Some(parent) }))
    }

    /// Goes along the references of a path; returns the object and the steps after it.
    fn walk<'p>(&mut self, path: &'p str) -> Result<(u32, Vec<&'p str>), BadTarget> {
        let (head, tag) = match path.rsplit_once('#') {
            Some((head, tag)) => (head, Some(tag)),
            None => (path, None),
        };
        let (entity_type, rest) = head.split_once(':').unwrap_or((head, ""));
        if entity_type.is_empty() {
            return Err(BadTarget::NoType(path.to_owned()));
        }
        let key = format!("{entity_type}#{}", tag.unwrap_or_default());
        let mut object = match self.index.get(&key) {
            Some(known) => *known,
            None => self.push(key, ObjectPath { entity_type: Some(entity_type.into()), parent: None }),
        };
        let mut steps = split_steps(rest);
        let mut references = 0;
        for step in &steps {
            let name = step.split_once('[').map_or(*step, |(name, _)| name);
            if !is_reference_key(name) {
                break;
            }
            object = self.child(object, step, path)?;
            references += 1;
        }
        Ok((object, steps.split_off(references)))
    }

    fn push(&mut self, key: String, node: ObjectPath) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(node);
        self.index.insert(key, number);
        number
    }
}

/// Splits at dots outside quotes.
fn split_steps(text: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'.' if !quoted => {
                steps.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text.is_empty() {
        steps.push(&text[start..]);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_objects_by_type_tag_and_reference() {
        let mut paths = Paths::default();
        let own = paths.target("process:pid").expect("a path");
        let parent = paths.target("process:parent_ref.pid").expect("a path");
        assert_ne!(own.object, parent.object);
        assert!(own.integer && parent.integer);
        assert_eq!(paths.target("process:parent_ref.name").expect("a path").object, parent.object);
        let source = paths.target("process:opened_connection_refs[0].src_ref.value").expect("a path");
        assert_eq!(paths.node(source.object).entity_type, None);
        assert_ne!(paths.object("file"), paths.object("file#loaded"));
        let header = "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'";
        let header = paths.target(header).expect("a path");
        assert_eq!(&*header.attribute, "extensions.'http-request-ext'.request_header.'User-Agent'");
    }

    #[test]
    fn bad_paths_say_why() {
        let mut paths = Paths::default();
        assert_eq!(paths.target(":pid"), Err(BadTarget::NoType(":pid".to_owned())));
        assert_eq!(
            paths.target("process:parent_ref"),
            Err(BadTarget::NoAttribute("process:parent_ref".to_owned()))
        );
        assert_eq!(paths.object("process:pid"), Err(BadTarget::NoObject("process:pid".to_owned())));
        assert!(matches!(paths.target("process:odd_ref.x"), Err(BadTarget::UnknownReference { .. })));
    }
}
