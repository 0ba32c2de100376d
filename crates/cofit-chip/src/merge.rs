//! Laying one tree over another: bases and cards, runtimes, operating points, `--set`.
//!
//! Tables merge key by key. A list of tables with ids merges by id, whether the overlay writes it
//! as `[[memory]]` with an `id` or as `[memory.sram]`, and whichever of the two the base writes;
//! ids that the base does not have are added at the end. Everything else, other lists included, is replaced.

use std::sync::Arc;

use crate::node::{Entry, Node, Value};

/// `base` with `overlay` laid over it.
pub(crate) fn lay_over(base: &mut Node, overlay: &Node) {
    match (&mut base.value, &overlay.value) {
        (Value::Table(table), Value::Table(changes)) if !is_figure(overlay) => {
            for (key, change) in changes {
                match table.get_mut(key) {
                    Some(entry) => {
                        lay_over(&mut entry.node, &change.node);
                        entry.key = change.key;
                    }
                    None => {
                        table.insert(key.clone(), change.clone());
                    }
                }
            }
            base.token = overlay.token;
        }
        (Value::Array(items), Value::Table(changes)) if mergeable(items) => {
            for (id, change) in changes {
                lay_over_item(items, id, &with_id(&change.node, id, change));
            }
        }
        (Value::Table(items), Value::Array(changes))
            if !items.is_empty()
                && items.values().all(|item| item.node.table().is_some())
                && mergeable(changes) =>
        {
            let mut list: Vec<Node> =
                items.iter().map(|(id, item)| with_id(&item.node, id, item)).collect();
            for change in changes {
                if let Some(id) = change.id() {
                    lay_over_item(&mut list, id, change);
                }
            }
            *base = Node { value: Value::Array(list), ..overlay.clone() };
        }
        (Value::Array(items), Value::Array(changes)) if mergeable(items) && mergeable(changes) => {
            // Each change names its id, or it would not be mergeable.
            for change in changes {
                if let Some(id) = change.id() {
                    lay_over_item(items, id, change);
                }
            }
        }
        _ => *base = overlay.clone(),
    }
}

/// Lists that a card writes as tables by id (`[memory.sram]`), as the lists that they stand for.
pub(crate) fn tables_to_lists(root: &mut Node, lists: &[&str]) {
    let Some(table) = root.table_mut() else { return };
    for name in lists {
        let Some(entry) = table.get_mut(*name) else { continue };
        if let Value::Table(items) = &entry.node.value {
            let items = items.iter().map(|(id, item)| with_id(&item.node, id, item)).collect();
            entry.node.value = Value::Array(items);
        }
    }
}

fn lay_over_item(items: &mut Vec<Node>, id: &str, change: &Node) {
    match items.iter_mut().find(|item| item.id() == Some(id)) {
        Some(item) => lay_over(item, change),
        None => items.push(change.clone()),
    }
}

/// A long-form figure replaces the figure below it: mixing the two would give the value of one
/// the source of the other.
fn is_figure(node: &Node) -> bool {
    node.get("v").is_some() || node.get("unknown").is_some()
}

/// Whether a list merges by id. An empty one does not: as an overlay it means that nothing is
/// left, and as a base there is nothing to merge with.
fn mergeable(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.id().is_some())
}

/// `node` with `id` as its id, where it has none.
fn with_id(node: &Node, id: &str, entry: &Entry) -> Node {
    let mut node = node.clone();
    if let Some(table) = node.table_mut() {
        table.entry("id".to_owned()).or_insert_with(|| Entry {
            key: entry.key,
            node: Node {
                value: Value::String(id.to_owned()),
                token: entry.key,
                cited: Arc::default(),
            },
        });
    }
    node
}
