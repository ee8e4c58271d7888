//! What one command writes to two keys of one shard is seen in both or in neither.

use super::Violation;

/// Two keys that are only ever written together, with equal values, were read together.
pub(crate) fn judge(key: &str, first: Option<&[u8]>, second: Option<&[u8]>) -> Result<(), Violation> {
    if first == second {
        return Ok(());
    }
    let text = |value: Option<&[u8]>| value.map(|value| value.escape_ascii().to_string());
    let what = format!("{key}: {:?} and {:?}", text(first), text(second));
    Err(Violation::new("pairs are atomic", what))
}
