//! What the binary carries with it: the JavaScript client with its module and
//! declarations, and the examples that need no backend, so that a single file
//! is enough to try everything.

use bytes::Bytes;

use crate::files::content_type;

const ASSETS: &[(&str, &[u8])] = &[
    (
        "/CometServerApi.js",
        include_bytes!("../assets/CometServerApi.js"),
    ),
    (
        "/CometServerApi.mjs",
        include_bytes!("../assets/CometServerApi.mjs"),
    ),
    (
        "/CometServerApi.d.ts",
        include_bytes!("../assets/CometServerApi.d.ts"),
    ),
    (
        "/CometServerApi.d.mts",
        include_bytes!("../assets/CometServerApi.d.mts"),
    ),
    (
        "/examples/index.html",
        include_bytes!("../../../examples/index.html"),
    ),
    (
        "/examples/gallery.css",
        include_bytes!("../../../examples/gallery.css"),
    ),
    (
        "/examples/simple-chat/index.html",
        include_bytes!("../../../examples/simple-chat/index.html"),
    ),
    (
        "/examples/simple-chat/chat.js",
        include_bytes!("../../../examples/simple-chat/chat.js"),
    ),
    (
        "/examples/simple-chat/style.css",
        include_bytes!("../../../examples/simple-chat/style.css"),
    ),
];

/// The asset at a URL path; a path that ends in `/` is its `index.html`.
pub(crate) fn find(path: &str) -> Option<(&'static str, Bytes)> {
    let (name, body) = ASSETS.iter().find(|(name, _)| {
        *name == path || (path.ends_with('/') && name.strip_prefix(path) == Some("index.html"))
    })?;
    Some((content_type(name)?, Bytes::from_static(body)))
}

/// Whether a URL path without its last `/` is a directory of assets.
pub(crate) fn is_directory(path: &str) -> bool {
    ASSETS
        .iter()
        .any(|(name, _)| name.strip_prefix(path) == Some("/index.html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_a_content_type() {
        for (name, _) in ASSETS {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("/examples/").is_some());
        assert!(is_directory("/examples/simple-chat"));
        assert!(!is_directory("/CometServerApi.js"));
    }
}
