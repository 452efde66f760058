//! Paths into a JSON document as MySQL writes them: `$.name`, `$."a name"`,
//! `$[0]`, `$[last]`, and `*` for every member or item.

use serde_json::Value;

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// The most steps of a path.
const MAX_STEPS: usize = 100;

/// A path, ready to be followed in many documents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// `.name`
    Member(String),
    /// `.*`
    EveryMember,
    /// `[n]`
    Item(usize),
    /// `[last]` and `[last-n]`
    FromEnd(usize),
    /// `[*]`
    EveryItem,
}

impl JsonPath {
    /// Reads a path; `None` if it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_PATH_BYTES {
            return None;
        }
        let mut rest = text.trim().strip_prefix('$')?.trim_start();
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(member) = rest.strip_prefix('.') {
                member_step(member.trim_start())?
            } else {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                (item_step(inside.trim())?, after)
            };
            steps.push(step);
            if steps.len() > MAX_STEPS {
                return None;
            }
            rest = after.trim_start();
        }
        Some(Self { steps })
    }

    /// Whether it may name several values.
    pub(super) fn has_wildcard(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::EveryMember | Step::EveryItem))
    }

    /// The values it names in `document`, in their order there.
    pub(super) fn follow<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![document];
        for step in &self.steps {
            found = found
                .into_iter()
                .flat_map(|value| step.within(value))
                .collect();
        }
        found
    }

    /// Puts `new` where the path leads: in place of what is there, as a new
    /// member, or at the end of an array. What cannot be reached stays as it was.
    pub(super) fn put(&self, document: &mut Value, new: Value) {
        let Some((last, way)) = self.steps.split_last() else {
            *document = new;
            return;
        };
        let mut place = document;
        for step in way {
            let next = match (step, place) {
                (Step::Member(name), Value::Object(members)) => members.get_mut(name),
                (Step::Item(index), Value::Array(items)) => items.get_mut(*index),
                (Step::FromEnd(back), Value::Array(items)) => {
                    from_end(items.len(), *back).and_then(|index| items.get_mut(index))
                }
                _ => None,
            };
            let Some(next) = next else { return };
            place = next;
        }
        match (last, place) {
            (Step::Member(name), Value::Object(members)) => {
                members.insert(name.clone(), new);
            }
            (Step::Item(index), Value::Array(items)) => match items.get_mut(*index) {
                Some(item) => *item = new,
                None => items.push(new),
            },
            (Step::FromEnd(back), Value::Array(items)) => {
                let index = from_end(items.len(), *back);
                if let Some(item) = index.and_then(|index| items.get_mut(index)) {
                    *item = new;
                }
            }
            _ => {}
        }
    }
}

impl Step {
    fn within<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
            (Self::EveryMember, Value::Object(members)) => members.values().collect(),
            (Self::EveryItem, Value::Array(items)) => items.iter().collect(),
            (Self::Item(index), Value::Array(items)) => items.get(*index).into_iter().collect(),
            (Self::FromEnd(back), Value::Array(items)) => from_end(items.len(), *back)
                .and_then(|index| items.get(index))
                .into_iter()
                .collect(),
            // What is no array is taken for an array of itself alone.
            (Self::Item(0) | Self::FromEnd(0), other) => vec![other],
            _ => Vec::new(),
        }
    }
}

fn from_end(length: usize, back: usize) -> Option<usize> {
    length.checked_sub(back.checked_add(1)?)
}

fn member_step(rest: &str) -> Option<(Step, &str)> {
    if let Some(after) = rest.strip_prefix('*') {
        return Some((Step::EveryMember, after));
    }
    if rest.starts_with('"') {
        let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let name = names.next()?.ok()?;
        return Some((Step::Member(name), rest.get(names.byte_offset()..)?));
    }
    let end = rest
        .find(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-')))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end)?;
    (!name.is_empty()).then(|| (Step::Member(name.to_owned()), after))
}

fn item_step(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::EveryItem);
    }
    match inside.strip_prefix("last") {
        Some("") => Some(Step::FromEnd(0)),
        Some(back) => {
            let back = back.trim_start().strip_prefix('-')?;
            Some(Step::FromEnd(back.trim_start().parse().ok()?))
        }
        None => Some(Step::Item(inside.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_names_members_items_and_all_of_them() {
        let document = json!({"a": [1, 2, {"b c": true}], "d": {"e": null}});
        for (path, expected) in [
            ("$", json!([document])),
            ("$.a[0]", json!([1])),
            ("$.a[last-1]", json!([2])),
            ("$.a[2].\"b c\"", json!([true])),
            ("$.a[*]", json!([1, 2, {"b c": true}])),
            ("$.d.*", json!([null])),
            ("$.d[0].e", json!([null])),
            ("$.nothing", json!([])),
            ("$.a[9]", json!([])),
        ] {
            let found = JsonPath::parse(path).unwrap().follow(&document);
            assert_eq!(json!(found), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "",
            "a",
            ".a",
            "$a",
            "$.",
            "$[",
            "$[x]",
            "$[-1]",
            "$.\"a",
            "$[last+1]",
        ] {
            assert_eq!(JsonPath::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_none(text in "\\$[a-z.\\[\\]*\" \\-0-9é]{0,20}") {
            if let Some(path) = JsonPath::parse(&text) {
                let mut document = json!({"a": [1, {"b": 2}]});
                let _ = path.follow(&document);
                path.put(&mut document, json!(1));
            }
        }

        #[test]
        fn what_was_put_is_found_again(name in "[a-z]{1,8}", value in any::<i64>()) {
            let mut document = json!({"list": []});
            for path in [format!("$.{name}"), "$.list[0]".to_owned(), format!("$.\"{name} x\"")] {
                let path = JsonPath::parse(&path).unwrap();
                path.put(&mut document, json!(value));
                if name != "list" {
                    let value = json!(value);
                    prop_assert_eq!(path.follow(&document), vec![&value]);
                }
            }
        }
    }
}
