//! What this server is told about itself: its identity and where it listens.
//! What happens on it is counted by the hall and the sessions.

/// This node, as `nodes` shows it.
#[derive(Debug, Clone, Default)]
pub struct NodeFacts {
    /// Tells it from every other node, and stays with its data directory.
    pub id: String,
    /// Its label for people, as `/info` shows it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where backends connect.
    pub cometql: String,
    /// Where browsers connect.
    pub http: String,
    /// Where the metrics page is; empty for nowhere.
    pub metrics: String,
}
