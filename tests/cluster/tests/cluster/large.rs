//! Replies that are too large to be good for anybody.

use anyhow::{Result, ensure};
use meridian_testkit::{Setup, Value};

const VALUE_BYTES: usize = 60 << 20;

#[test]
fn an_enormous_reply_is_refused_and_a_large_one_is_not() {
    Setup::new(3).run(|cluster| {
        let leader = cluster.busiest()?;
        cluster.client(leader)?.call(&["SET", "large", &"x".repeat(VALUE_BYTES)])?;
        for node in [leader, (leader + 1) % 3] {
            let mut client = cluster.client(node)?;
            let mut mget = |count: usize| -> Result<Value> {
                let call: Vec<&str> =
                    std::iter::once("MGET").chain(std::iter::repeat_n("large", count)).collect();
                client.send(&call)?;
                Ok(client.read()?)
            };
            let Value::Array(values) = mget(2)? else { anyhow::bail!("MGET answers an array") };
            ensure!(
                values.iter().all(|value| matches!(value, Value::Bulk(bytes) if bytes.len() == VALUE_BYTES))
            );
            drop(values);
            // 1.2 GB.
            let refused = mget(20)?;
            ensure!(
                matches!(&refused, Value::Error(text) if text.contains("longer than 512 MB")),
                "{refused:?}"
            );
            ensure!(client.call(&["STRLEN", "large"])?.as_integer() == i64::try_from(VALUE_BYTES).ok());
        }
        Ok(())
    });
}
