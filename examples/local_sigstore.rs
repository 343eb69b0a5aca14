//! Starts a private Sigstore in a directory, and prints how to reach it: `local_sigstore DIR`.

#![expect(clippy::print_stdout, reason = "its output is what the example is for")]

use mcptrust::local_sigstore::{Options, WARNING, start};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or_else(|| anyhow::anyhow!("name a directory"))?;
    let running = start(Options::new(dir)).await?;
    println!("# {WARNING}");
    println!("# {:#?}", running.urls());
    println!("# trusted root {}", running.trusted_root().display());
    println!("# signing config {}", running.signing_config().display());
    for (name, value) in running.environment() {
        println!("{name}={value}");
    }
    running.wait().await?;
    Ok(())
}
