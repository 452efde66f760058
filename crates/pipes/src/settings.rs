//! What `pipes_settings` says about pipes: the rows, for single pipes and for
//! prefixes, the table of all rows the hall keeps in memory, and what they mean
//! together for one pipe.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::name::{DevId, EventName, PipeName, UserId};
use crate::pattern::{PipePattern, PipePrefix};
use crate::rules::{Audience, Rules};

/// The longest history a pipe may keep (compatibility reference §3.4).
pub const MAX_HISTORY: u32 = 1000;

/// A row: the settings of a pipe, or of all pipes whose names begin alike. What
/// it leaves unset the longest prefix that sets it says, and then nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PipeSettings {
    /// How many messages the history keeps, 0 to [`MAX_HISTORY`]; 0 stores no
    /// more unless a prefix or the family says otherwise.
    pub length: u32,
    /// For how many seconds it keeps them; 0 for any time.
    pub age: u32,
    /// Who may do what; `None` if the row says nothing.
    pub rules: Option<Arc<Rules>>,
}

impl PipeSettings {
    /// Settings that keep a history of `length` messages and add no rules.
    pub const fn of_length(length: u32) -> Self {
        Self {
            length,
            age: 0,
            rules: None,
        }
    }

    /// What it takes in memory beyond itself, in bytes, about.
    pub fn bytes(&self) -> usize {
        self.rules.as_ref().map_or(0, |rules| rules.bytes())
    }
}

/// What all rows together say about one pipe.
#[derive(Debug, Clone, Default)]
pub struct PipeRules {
    /// The row that comes first of those that apply.
    pub row: Option<PipePattern>,
    /// How many messages the history keeps; 0 leaves it to the family.
    pub length: u32,
    /// For how many seconds; 0 for any time.
    pub age: u32,
    /// Who may subscribe, if a row says it.
    pub subscribe: Option<Audience>,
    /// Which browsers may publish, if a row says it.
    pub publish: Option<Audience>,
    /// Who may read the history, if a row says it.
    pub history: Option<Audience>,
    /// How many messages a minute one connection may publish, and the row that
    /// says so, over all of whose pipes they are counted.
    pub rate: Option<(PipePattern, u32)>,
    users: Option<Arc<Rules>>,
    events: Option<Arc<Rules>>,
}

impl PipeRules {
    /// Whether `user` is listed.
    pub fn lists(&self, user: UserId) -> bool {
        let users = self.users.as_ref();
        users.is_some_and(|rules| rules.users.binary_search(&user).is_ok())
    }

    /// The events that may be published; `None` for any.
    pub fn events(&self) -> Option<&[EventName]> {
        self.events.as_ref().map(|rules| rules.events.as_ref())
    }

    /// Adds a row that comes after those before it.
    fn add(&mut self, row: PipePattern, settings: &PipeSettings) {
        let unset = |value: u32, other: u32| if value == 0 { other } else { value };
        self.length = unset(self.length, settings.length);
        self.age = unset(self.age, settings.age);
        if let Some(rules) = &settings.rules {
            self.subscribe = self.subscribe.or(rules.subscribe);
            self.publish = self.publish.or(rules.publish);
            self.history = self.history.or(rules.history);
            if self.users.is_none() && !rules.users.is_empty() {
                self.users = Some(Arc::clone(rules));
            }
            if self.events.is_none() && !rules.events.is_empty() {
                self.events = Some(Arc::clone(rules));
            }
            if self.rate.is_none() && rules.rate > 0 {
                self.rate = Some((row.clone(), rules.rate));
            }
        }
        self.row.get_or_insert(row);
    }
}

/// The rows for prefixes, of one tenant.
pub(crate) type PrefixRows = BTreeMap<PipePrefix, PipeSettings>;

/// The rows of `prefixes` that cover a pipe, the longest first. Looks at few
/// rows however many there are: what is greater than the pipe's name, or than
/// what it has in common with a row, is never a beginning of it.
fn covering<'a>(
    prefixes: &'a PrefixRows,
    pipe: &'a PipeName,
) -> impl Iterator<Item = (&'a PipePrefix, &'a PipeSettings)> {
    let name = pipe.as_str();
    let mut longest = Some(name);
    std::iter::from_fn(move || {
        while let Some(most) = longest {
            let up_to = (Bound::Unbounded, Bound::Included(most));
            let (prefix, row) = prefixes.range::<str, _>(up_to).next_back()?;
            let common = common_length(prefix.as_str(), most);
            if common == prefix.as_str().len() {
                longest = common.checked_sub(1).and_then(|length| name.get(..length));
                return Some((prefix, row));
            }
            longest = name.get(..common);
        }
        None
    })
}

fn common_length(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// How many messages the longest of `prefixes` that says so keeps; 0 for none.
pub(crate) fn prefix_length(prefixes: &PrefixRows, pipe: &PipeName) -> u32 {
    let mut lengths = covering(prefixes, pipe).map(|(_, row)| row.length);
    lengths.find(|length| *length > 0).unwrap_or(0)
}

/// All rows, as of the last completed write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    by_tenant: BTreeMap<DevId, TenantSettings>,
    rows: usize,
    /// How many of them list events, and how many have a limit of age.
    listing_events: usize,
    ageing: usize,
}

#[derive(Debug, Clone, Default)]
struct TenantSettings {
    pipes: BTreeMap<PipeName, PipeSettings>,
    prefixes: PrefixRows,
}

impl Settings {
    pub(crate) fn new(
        pipes: Vec<(DevId, PipeName, PipeSettings)>,
        prefixes: Vec<(DevId, PipePrefix, PipeSettings)>,
    ) -> Self {
        let mut settings = Self::default();
        for (dev_id, pipe, row) in pipes {
            settings.put(dev_id, PipePattern::Pipe(pipe), row);
        }
        for (dev_id, prefix, row) in prefixes {
            settings.put(dev_id, PipePattern::Prefix(prefix), row);
        }
        settings
    }

    /// The row of a pattern itself.
    pub(crate) fn find(&self, dev_id: DevId, pattern: &PipePattern) -> Option<&PipeSettings> {
        let tenant = self.by_tenant.get(&dev_id)?;
        match pattern {
            PipePattern::Pipe(pipe) => tenant.pipes.get(pipe),
            PipePattern::Prefix(prefix) => tenant.prefixes.get(prefix),
        }
    }

    /// How many messages a pipe's own row keeps, and the prefixes'; 0 for none.
    pub(crate) fn lengths(&self, dev_id: DevId, pipe: &PipeName) -> (u32, u32) {
        let Some(tenant) = self.by_tenant.get(&dev_id) else {
            return (0, 0);
        };
        let own = tenant.pipes.get(pipe).map_or(0, |row| row.length);
        (own, prefix_length(&tenant.prefixes, pipe))
    }

    /// Whether a row, and not only the family, is about a pipe's history: its own
    /// row, or a prefix's with a length.
    pub(crate) fn keeps_history_of(&self, dev_id: DevId, pipe: &PipeName) -> bool {
        self.by_tenant.get(&dev_id).is_some_and(|tenant| {
            tenant.pipes.contains_key(pipe) || prefix_length(&tenant.prefixes, pipe) > 0
        })
    }

    /// The rows for prefixes of a tenant.
    pub(crate) fn prefixes(&self, dev_id: DevId) -> PrefixRows {
        let tenant = self.by_tenant.get(&dev_id);
        tenant.map_or_else(PrefixRows::new, |tenant| tenant.prefixes.clone())
    }

    /// What all rows together say about a pipe.
    pub(crate) fn rules(&self, dev_id: DevId, pipe: &PipeName) -> PipeRules {
        let mut rules = PipeRules::default();
        let Some(tenant) = self.by_tenant.get(&dev_id) else {
            return rules;
        };
        if let Some(row) = tenant.pipes.get(pipe) {
            rules.add(PipePattern::Pipe(pipe.clone()), row);
        }
        for (prefix, row) in covering(&tenant.prefixes, pipe) {
            rules.add(PipePattern::Prefix(prefix.clone()), row);
        }
        rules
    }

    pub(crate) fn put(&mut self, dev_id: DevId, pattern: PipePattern, row: PipeSettings) {
        self.count(&row, 1);
        let tenant = self.by_tenant.entry(dev_id).or_default();
        let old = match pattern {
            PipePattern::Pipe(pipe) => tenant.pipes.insert(pipe, row),
            PipePattern::Prefix(prefix) => tenant.prefixes.insert(prefix, row),
        };
        match old {
            Some(old) => self.count(&old, -1),
            None => self.rows += 1,
        }
    }

    pub(crate) fn remove(&mut self, dev_id: DevId, pattern: &PipePattern) {
        let Some(tenant) = self.by_tenant.get_mut(&dev_id) else {
            return;
        };
        let old = match pattern {
            PipePattern::Pipe(pipe) => tenant.pipes.remove(pipe),
            PipePattern::Prefix(prefix) => tenant.prefixes.remove(prefix),
        };
        if let Some(old) = old {
            self.rows -= 1;
            self.count(&old, -1);
        }
    }

    fn count(&mut self, row: &PipeSettings, by: isize) {
        let lists = row
            .rules
            .as_ref()
            .is_some_and(|rules| !rules.events.is_empty());
        if lists {
            self.listing_events = self.listing_events.saturating_add_signed(by);
        }
        if row.age > 0 {
            self.ageing = self.ageing.saturating_add_signed(by);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether any row lists events.
    pub(crate) fn lists_events(&self) -> bool {
        self.listing_events > 0
    }

    /// Up to `limit` rows of a tenant: pipes by name, then prefixes.
    pub(crate) fn of_tenant(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Vec<(PipePattern, PipeSettings)> {
        let Some(tenant) = self.by_tenant.get(&dev_id) else {
            return Vec::new();
        };
        let pipes = tenant.pipes.iter();
        let pipes = pipes.map(|(pipe, row)| (PipePattern::Pipe(pipe.clone()), row));
        let prefixes = tenant.prefixes.iter();
        let prefixes = prefixes.map(|(prefix, row)| (PipePattern::Prefix(prefix.clone()), row));
        let rows = pipes.chain(prefixes).take(limit);
        rows.map(|(pattern, row)| (pattern, row.clone())).collect()
    }

    /// For how many seconds a pipe's history keeps messages; 0 for any time.
    pub(crate) fn age(&self, dev_id: DevId, pipe: &PipeName) -> u32 {
        if self.ageing == 0 {
            return 0;
        }
        self.rules(dev_id, pipe).age
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::RuleTexts;

    fn row(length: u32, texts: RuleTexts<'_>) -> PipeSettings {
        let rules = Rules::parse(&texts).unwrap();
        PipeSettings {
            length,
            age: 0,
            rules: (!rules.is_empty()).then(|| Arc::new(rules)),
        }
    }

    fn settings(rows: &[(&str, PipeSettings)]) -> Settings {
        let mut settings = Settings::default();
        for (pattern, row) in rows {
            let pattern = PipePattern::parse(pattern, 1).unwrap();
            settings.put(DevId::ROOT, pattern, row.clone());
        }
        settings
    }

    fn pipe(name: &str) -> PipeName {
        PipeName::parse(name).unwrap()
    }

    #[test]
    fn what_a_row_leaves_unset_the_longest_prefix_says() {
        let settings = settings(&[
            (
                "web_*",
                row(
                    5,
                    RuleTexts {
                        subscribe: "anyone",
                        events: "say",
                        ..RuleTexts::default()
                    },
                ),
            ),
            (
                "web_chat_*",
                row(
                    0,
                    RuleTexts {
                        subscribe: "listed",
                        user_ids: "7",
                        rate: 60,
                        ..RuleTexts::default()
                    },
                ),
            ),
            (
                "web_chat_1",
                row(
                    50,
                    RuleTexts {
                        publish: "nobody",
                        ..RuleTexts::default()
                    },
                ),
            ),
        ]);
        let rules = settings.rules(DevId::ROOT, &pipe("web_chat_1"));
        assert_eq!(rules.row.clone().unwrap().to_string(), "web_chat_1");
        assert_eq!((rules.length, rules.publish), (50, Some(Audience::NOBODY)));
        assert_eq!(rules.subscribe, Some(Audience::LISTED));
        assert!(rules.lists(UserId::new(7).unwrap()));
        assert_eq!(rules.events().unwrap().len(), 1);
        assert_eq!(rules.rate.unwrap().0.to_string(), "web_chat_*");

        let rules = settings.rules(DevId::ROOT, &pipe("web_chat_2"));
        assert_eq!((rules.length, rules.publish), (5, None));
        assert_eq!(settings.lengths(DevId::ROOT, &pipe("web_chat_2")), (0, 5));
        assert!(settings.rules(DevId::ROOT, &pipe("news")).row.is_none());
        let other = DevId::new(15).unwrap();
        assert!(settings.rules(other, &pipe("web_chat_1")).row.is_none());
    }

    #[test]
    fn rows_that_go_are_counted_out() {
        let listing = row(
            0,
            RuleTexts {
                events: "say",
                ..RuleTexts::default()
            },
        );
        let mut settings = settings(&[("web_*", listing.clone()), ("web_a", listing)]);
        assert_eq!((settings.rows(), settings.lists_events()), (2, true));
        let web_a = PipePattern::Pipe(pipe("web_a"));
        settings.put(DevId::ROOT, web_a.clone(), PipeSettings::of_length(1));
        assert!(settings.lists_events());
        settings.remove(DevId::ROOT, &PipePattern::parse("web_*", 1).unwrap());
        assert!(!settings.lists_events());
        settings.remove(DevId::ROOT, &web_a);
        settings.remove(DevId::ROOT, &web_a);
        assert_eq!(settings.rows(), 0);
    }

    proptest! {
        #[test]
        fn every_prefix_of_a_name_is_found_and_no_other(
            prefixes in prop::collection::btree_set("[ab]{0,5}", 0..12),
            name in "[ab]{1,6}",
        ) {
            let parse = |text: &String| (PipePrefix::parse(text).unwrap(), PipeSettings::default());
            let rows: PrefixRows = prefixes.iter().map(parse).collect();
            let name = pipe(&name);
            let found: Vec<&str> = covering(&rows, &name).map(|(prefix, _)| prefix.as_str()).collect();
            let mut expected: Vec<&str> = prefixes.iter().map(String::as_str).collect();
            expected.retain(|prefix| name.as_str().starts_with(prefix));
            expected.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
            prop_assert_eq!(found, expected);
        }
    }
}
