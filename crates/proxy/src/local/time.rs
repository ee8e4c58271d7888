//! TIME.

use meridian_command::ReplyWriter;
use meridian_rt::clock::wall_micros;

use super::Answer;

pub(super) fn time(reply: &mut ReplyWriter<'_>) -> Answer {
    let micros = wall_micros();
    reply.array(2);
    reply.bulk((micros / 1_000_000).to_string().as_bytes());
    reply.bulk((micros % 1_000_000).to_string().as_bytes());
    Ok(())
}
