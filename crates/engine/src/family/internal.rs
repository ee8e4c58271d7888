//! Commands that the cluster sends itself: SETTING, SETTINGS, EVICT, MEMORY-FULL.

use meridian_command::{
    Args, ReplyError, ReplyWriter,
    settings::{SETTINGS, find},
};

use super::Outcome;
use crate::keyspace::{Reader, Writer};

pub(crate) fn setting(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = &args[0];
    let setting = find(name).ok_or_else(|| ReplyError::unknown_setting(name))?;
    let changed = setting.set(writer.settings_mut().values_mut(), &args[1]);
    changed.map_err(|reason| ReplyError::setting_refused(name, &reason))?;
    writer.follow_settings();
    reply.ok();
    Ok(())
}

/// Names, each with its value.
pub(crate) fn settings(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.array(SETTINGS.len() * 2);
    for setting in SETTINGS {
        reply.bulk(setting.name.as_bytes());
        reply.bulk(setting.text(reader.settings()).as_bytes());
    }
    Ok(())
}

/// Takes the keys out that the leader has chosen; one that is gone already is nobody's loss.
pub(crate) fn evict(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    for key in args.iter() {
        let key = writer.key(key);
        writer.evict(key);
    }
    reply.ok();
    Ok(())
}

pub(crate) fn memory_full(writer: &mut Writer<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    writer.note_full();
    reply.ok();
    Ok(())
}
