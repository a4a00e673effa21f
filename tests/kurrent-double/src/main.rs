//! The double as a process, which a test can kill: `kurrent-double FOLDER [PORT [CONTROL-PORT]]`. Says on which ports it listens, and
//! takes orders on the second.

use std::error::Error;
use std::io::Write;

use kurrent_double::{Double, Settings, take_orders};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().filter(|folder| !folder.starts_with('-'));
    let folder = folder.ok_or("usage: kurrent-double FOLDER [PORT [CONTROL-PORT]]")?;
    let mut port = || arguments.next().map_or(Ok(0), |port| port.parse::<u16>());
    let (port, control) = (port()?, port()?);
    let double = Double::with(Settings { folder: Some(folder.into()), port, users: Vec::new() }).await?;
    let orders = TcpListener::bind(("127.0.0.1", control)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{} {}", double.port(), orders.local_addr()?.port())?;
    out.flush()?;
    take_orders(orders, &double).await?;
    Ok(())
}
