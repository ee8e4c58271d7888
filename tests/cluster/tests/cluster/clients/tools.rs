//! The command-line tools of Redis.

use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use meridian_testkit::Setup;

/// What a tool prints, given this input. `None` if it is not installed.
fn run(name: &str, address: SocketAddr, arguments: &[&str], input: &str) -> Result<Option<String>> {
    let mut command = Command::new(name);
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            super::library::missing(name)?;
            return Ok(None);
        }
        Err(error) => return Err(error).context(name.to_owned()),
    };
    child.stdin.take().context("piped")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let (said, complained) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{name} {arguments:?}: {}\n{said}{complained}", output.status);
    Ok(Some(said))
}

#[test]
fn redis_cli() {
    Setup::new(3).shards(2).run(|cluster| {
        let address = cluster.client_addresses()[1];
        let cli = |arguments: &[&str], input: &str| run("redis-cli", address, arguments, input);
        let Some(said) = cli(&["SET", "greeting", "hello"], "")? else { return Ok(()) };
        ensure!(said == "OK\n", "{said}");
        for protocol in ["-2", "-3"] {
            ensure!(cli(&[protocol, "GET", "greeting"], "")?.as_deref() == Some("hello\n"), "{protocol}");
        }
        let input = "SET a 1\nINCR a\nMGET a greeting missing\nDEL a greeting\nSELECT 3\nDBSIZE\n";
        let said = cli(&[], input)?;
        ensure!(said.as_deref() == Some("OK\n2\n2\nhello\n\n2\nOK\n0\n"), "{said:?}");
        // Keys beyond a page of SCAN, over two shards; mass insertion as RESP.
        let many: String =
            (0..500).map(|n| format!("*3\r\n$3\r\nSET\r\n$7\r\nmany{n:03}\r\n$1\r\nx\r\n")).collect();
        let said = cli(&["--pipe"], &many)?.context("installed")?;
        ensure!(said.contains("errors: 0, replies: 500"), "{said}");
        let said = cli(&["--scan", "--pattern", "many*"], "")?.context("installed")?;
        ensure!(said.lines().count() == 500, "{} keys were scanned", said.lines().count());
        let said = cli(&["INFO", "server"], "")?.context("installed")?;
        ensure!(said.contains("redis_version:"), "{said}");
        Ok(())
    });
}

#[test]
fn redis_benchmark() {
    Setup::new(3).shards(2).run(|cluster| {
        let address = cluster.client_addresses()[0];
        for arguments in
            ["-t ping,set,get,incr,mset -n 2000 -c 20", "-t set,get -n 5000 -P 16 -r 1000 -d 100"]
        {
            let mut arguments: Vec<&str> = arguments.split(' ').collect();
            arguments.extend(["--csv", "-e"]);
            let Some(said) = run("redis-benchmark", address, &arguments, "")? else { return Ok(()) };
            ensure!(said.lines().count() >= 3, "{said}");
        }
        Ok(())
    });
}
