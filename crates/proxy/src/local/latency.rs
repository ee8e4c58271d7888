//! LATENCY.

use std::fmt::Write;

use meridian_command::{Args, Command, ReplyError, ReplyWriter, lookup};
use meridian_rt::clock::wall_micros;

use super::{Answer, Context};
use crate::observe::{Histogram, Series};

pub(super) fn latest(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let events = context.shared.observed.latency.all();
    reply.array(events.len());
    for (event, series) in events {
        let (at, millis) = series.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.integer(at as i64);
        reply.integer(millis as i64);
        reply.integer(series.longest as i64);
    }
    Ok(())
}

pub(super) fn history(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let series = context.shared.observed.latency.of(&args[0]).unwrap_or_default();
    reply.array(series.samples.len());
    for (at, millis) in series.samples {
        reply.array(2);
        reply.integer(at as i64);
        reply.integer(millis as i64);
    }
    Ok(())
}

pub(super) fn reset(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer(context.shared.observed.latency.reset(args.as_slice()) as i64);
    Ok(())
}

pub(super) fn graph(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let Some(series) = context.shared.observed.latency.of(&args[0]) else {
        let text = [b"ERR No samples available for event '", &args[0][..], b"'"].concat();
        return Err(ReplyError::from_bytes(text));
    };
    let event = String::from_utf8_lossy(&args[0]).into_owned();
    reply.verbatim("txt", draw(&event, &series).as_bytes());
    Ok(())
}

/// Rows of the drawing.
const HEIGHT: u64 = 4;

/// One column a sample: its height is the latency, its age stands below.
fn draw(event: &str, series: &Series) -> String {
    let latencies = series.samples.iter().map(|(_, millis)| *millis);
    let (low, high) = (latencies.clone().min().unwrap_or(0), latencies.max().unwrap_or(0));
    let mut text = format!("{event} - high {high} ms, low {low} ms (all time high {} ms)\n", series.longest);
    text.push_str(&"-".repeat(80));
    text.push('\n');
    let level = |millis: u64| (millis - low) * (HEIGHT - 1) / (high - low).max(1);
    for row in (0..HEIGHT).rev() {
        for (_, millis) in &series.samples {
            text.push(match level(*millis) {
                top if top == row => '#',
                top if top > row => '|',
                _ if row == 0 => '_',
                _ => ' ',
            });
        }
        text.push('\n');
    }
    let now = wall_micros() / 1_000_000;
    let ages: Vec<String> = series.samples.iter().map(|(at, _)| age(now.saturating_sub(*at))).collect();
    text.push('\n');
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        text.extend(ages.iter().map(|age| age.chars().nth(row).unwrap_or(' ')));
        text.push('\n');
    }
    text
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) fn doctor(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let events = context.shared.observed.latency.all();
    let threshold = context.shared.config.load().latency_threshold_ms;
    let mut text = String::new();
    if threshold == 0 {
        text.push_str(
            "Latency is not watched: CONFIG SET latency-monitor-threshold <milliseconds> makes this process note \
             commands that take as long or longer.\n",
        );
    } else if events.is_empty() {
        let _ = writeln!(text, "No command has taken {threshold} milliseconds or more.");
    }
    for (number, (event, series)) in events.iter().enumerate() {
        let count = series.samples.len() as u64;
        let sum: u64 = series.samples.iter().map(|(_, millis)| millis).sum();
        let _ = writeln!(
            text,
            "{}. {event}: {count} latency spikes (average {} ms). Worst all time event {} ms.",
            number + 1,
            sum / count.max(1),
            series.longest
        );
    }
    if !events.is_empty() {
        text.push_str(
            "SLOWLOG GET shows which commands they were. The time includes the log's way to a majority.\n",
        );
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) fn histogram(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let all = context.shared.stats.histograms();
    let wanted: Vec<(Command, &Histogram)> = match args.is_empty() {
        true => all,
        false => {
            let named = |command: &Command| {
                args.iter().any(|name| {
                    let parent = command
                        .spec()
                        .parent()
                        .is_some_and(|parent| parent.as_bytes().eq_ignore_ascii_case(name));
                    parent || lookup(name) == Some(*command)
                })
            };
            all.into_iter().filter(|(command, _)| named(command)).collect()
        }
    };
    reply.map(wanted.len());
    for (command, histogram) in wanted {
        reply.bulk(command.spec().name.to_ascii_lowercase().as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(histogram.calls() as i64);
        reply.bulk(b"histogram_usec");
        let steps = histogram.cumulative();
        reply.map(steps.len());
        for (micros, calls) in steps {
            reply.integer(micros as i64);
            reply.integer(calls as i64);
        }
    }
    Ok(())
}
