//! The JSON Schema of a card, from the same declarations as its reader.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::decode::CardValue;

/// Whether a card must state a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The key must be there.
    Required,
    /// The key may be left out.
    Optional,
}

/// The JSON Schema (draft 2020-12) of a chip card, as pretty-printed JSON with a final newline.
///
/// A card that extends another is described by tables in which nothing is required and lists may
/// be written as tables by id, as are the overlays of runtimes and operating points.
pub fn json_schema() -> String {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let whole = crate::chip::CardBody::schema(&mut generator).to_value();
    let mut definitions = generator.take_definitions(false);
    let changes: Vec<(String, Value)> = definitions
        .iter()
        .filter(|(_, table)| is_table(table))
        .map(|(name, table)| (change_name(name), change(table, &definitions)))
        .collect();
    definitions.extend(changes);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cofit chip card",
        "if": { "required": ["extends"] },
        "then": change_of("CardBody").to_value(),
        "else": whole,
        "$defs": definitions,
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A reference to the table `name` as an overlay writes it.
pub(crate) fn change_of(name: &str) -> Schema {
    Schema::new_ref(format!("#/$defs/{}", change_name(name)))
}

fn change_name(name: &str) -> String {
    format!("{name}Change")
}

fn is_table(definition: &Value) -> bool {
    definition.get("properties").is_some()
}

/// The table as an overlay writes it.
fn change(value: &Value, definitions: &Map<String, Value>) -> Value {
    match value {
        Value::Object(object) => {
            let mut changed = Map::new();
            for (key, part) in object {
                match key.as_str() {
                    "required" => {}
                    // Without its model, a change of a timing model fits several of them.
                    "oneOf" => {
                        changed.insert("anyOf".to_owned(), change(part, definitions));
                    }
                    "$ref" => {
                        changed.insert(key.clone(), changed_reference(part, definitions));
                    }
                    _ => {
                        changed.insert(key.clone(), change(part, definitions));
                    }
                }
            }
            list_or_tables(changed, definitions)
        }
        Value::Array(items) => items.iter().map(|item| change(item, definitions)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn changed_reference(reference: &Value, definitions: &Map<String, Value>) -> Value {
    let name = reference.as_str().and_then(|text| text.strip_prefix("#/$defs/"));
    match name {
        Some(name) if definitions.get(name).is_some_and(is_table) => {
            Value::String(format!("#/$defs/{}", change_name(name)))
        }
        Some(_) | None => reference.clone(),
    }
}

/// A list of tables may also be written as tables by id.
fn list_or_tables(list: Map<String, Value>, definitions: &Map<String, Value>) -> Value {
    let item = list.get("items").cloned();
    let text = item.as_ref().map(Value::to_string).unwrap_or_default();
    let tables = definitions.keys().any(|name| text.contains(&format!("/{}\"", change_name(name))));
    match item {
        Some(item) if tables => json!({
            "anyOf": [list, { "type": "object", "additionalProperties": item }]
        }),
        Some(_) | None => Value::Object(list),
    }
}

/// A reference to the definition `name`, made by `make` the first time.
pub(crate) fn definition(
    generator: &mut SchemaGenerator,
    name: &str,
    make: impl FnOnce(&mut SchemaGenerator) -> Schema,
) -> Schema {
    if !generator.definitions().contains_key(name) {
        // The placeholder ends recursion, should a table ever hold itself.
        generator.definitions_mut().insert(name.to_owned(), Value::Null);
        let schema = make(generator);
        generator.definitions_mut().insert(name.to_owned(), schema.to_value());
    }
    Schema::new_ref(format!("#/$defs/{name}"))
}

/// A figure: the plain value, or the long form with its provenance.
pub(crate) fn sourced<T: CardValue>(generator: &mut SchemaGenerator) -> Schema {
    definition(generator, &format!("Sourced{}", T::name()), |generator| {
        let value = T::schema(generator).to_value();
        let text = json!({ "type": "string" });
        json_schema!({
            "anyOf": [
                value,
                {
                    "description": "The figure with its source, confidence and note",
                    "type": "object",
                    "properties": {
                        "v": value, "src": text, "conf": confidence(), "note": text,
                    },
                    "required": ["v"],
                    "additionalProperties": false,
                },
                {
                    "description": "Unknown, with the value to assume and why",
                    "type": "object",
                    "properties": {
                        "unknown": { "const": true }, "assume": value, "why": text,
                        "src": text, "conf": confidence(), "note": text,
                    },
                    "required": ["unknown", "assume", "why"],
                    "additionalProperties": false,
                },
            ]
        })
    })
}

fn confidence() -> Value {
    let letters: Vec<&str> =
        crate::sourced::Confidence::ALL.iter().map(|(letters, _)| *letters).collect();
    json!({ "enum": letters })
}

/// A closed set of words.
pub(crate) fn words(docs: &[&str], words: &[(&str, &[&str])]) -> Schema {
    let options: Vec<Value> = words
        .iter()
        .map(|(word, docs)| json!({ "const": word, "description": prose(docs) }))
        .collect();
    json_schema!({ "description": prose(docs), "oneOf": options })
}

/// Documentation lines as one paragraph. The brackets of rustdoc's links mean nothing to an editor
/// of cards.
fn prose(docs: &[&str]) -> String {
    let text = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    text.trim().replace("[`", "`").replace("`]", "`")
}

/// The schema of one table while it is built.
pub(crate) struct TableSchema {
    description: String,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl TableSchema {
    pub fn new(docs: &[&str]) -> Self {
        Self { description: prose(docs), properties: Map::new(), required: Vec::new() }
    }

    pub fn field(&mut self, key: &'static str, schema: Schema, docs: &[&str], presence: Presence) {
        let mut value = schema.to_value();
        if let Value::Object(object) = &mut value {
            object.insert("description".to_owned(), Value::String(prose(docs)));
        }
        self.properties.insert(key.to_owned(), value);
        if presence == Presence::Required {
            self.required.push(key);
        }
    }

    pub fn finish(mut self) -> Schema {
        let text = |what: &str| json!({ "type": "string", "description": what });
        for (key, value) in [
            ("src", text("Source of every figure of this table that names none of its own")),
            ("conf", confidence()),
            ("note", text("What else to know")),
        ] {
            self.properties.entry(key).or_insert(value);
        }
        json_schema!({
            "description": self.description,
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}
