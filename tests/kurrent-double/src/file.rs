//! The file that the events are kept in: one frame for each write, checked by its sum, so that a write which a crash left half
//! done is cut off at the next start. A position in `$all` is a place in this file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use prost::Message;
use uuid::Uuid;

use crate::event::{Proposed, Recorded};
use crate::wire::kept;

const HEAD: &[u8] = b"kurrent-double 1\n";
/// Length and checksum before each frame.
const FRAME: usize = 8;

/// Where the first event stands: never at zero, which says "from the start".
pub(crate) const FIRST: u64 = HEAD.len() as u64;

/// Appends frames; without a file they only have their places.
#[derive(Debug)]
pub(crate) struct EventFile {
    file: Option<File>,
    end: u64,
}

impl EventFile {
    pub(crate) fn in_memory() -> Self {
        Self { file: None, end: FIRST }
    }

    /// Hands every event to `restore`, oldest first, and cuts off what is torn.
    pub(crate) fn open(path: &Path, mut restore: impl FnMut(Recorded)) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let mut end = FIRST;
        if text.starts_with(HEAD) {
            let mut rest = Bytes::from(text).split_off(HEAD.len());
            while let Some((write, length)) = next_frame(&mut rest) {
                for (position, event) in (end..).zip(write.events) {
                    restore(recorded(event, position)?);
                }
                end += length;
            }
        } else {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(HEAD)?;
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.sync_all()?;
        Ok(Self { file: Some(file), end })
    }

    /// Where the next write stands.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Puts a write behind the others in `frames`. It is kept when [`Self::keep`] comes back.
    pub(crate) fn frame(&mut self, records: &[Arc<Recorded>], frames: &mut Vec<u8>) {
        let write = kept::Write { events: records.iter().map(|record| kept(record)).collect() };
        let body = write.encode_to_vec();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        frames.extend_from_slice(&length.to_le_bytes());
        frames.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        frames.extend_from_slice(&body);
        self.end += (FRAME + body.len()) as u64;
    }

    /// Comes back when the frames are on disk.
    pub(crate) fn keep(&mut self, frames: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(frames)?;
        file.sync_data()
    }
}

/// The next write and its length in the file; nothing at the end, or where a write is torn.
fn next_frame(rest: &mut Bytes) -> Option<(kept::Write, u64)> {
    if rest.remaining() < FRAME {
        return None;
    }
    let length = usize::try_from(rest.get_u32_le()).ok()?;
    let sum = rest.get_u32_le();
    if rest.remaining() < length {
        return None;
    }
    let body = rest.split_to(length);
    if crc32fast::hash(&body) != sum {
        return None;
    }
    Some((kept::Write::decode(body).ok()?, (FRAME + length) as u64))
}

fn kept(record: &Recorded) -> kept::Event {
    kept::Event {
        id: Bytes::copy_from_slice(record.event.id.as_bytes()),
        stream: record.stream.to_string(),
        revision: record.revision,
        kind: record.event.kind.clone(),
        content_type: record.event.content_type.clone(),
        created: record.created,
        data: record.event.data.clone(),
        metadata: record.event.metadata.clone(),
    }
}

fn recorded(event: kept::Event, position: u64) -> io::Result<Recorded> {
    Ok(Recorded {
        position,
        stream: event.stream.into(),
        revision: event.revision,
        created: event.created,
        event: Proposed {
            id: Uuid::from_slice(&event.id).map_err(io::Error::other)?,
            kind: event.kind,
            content_type: event.content_type,
            data: event.data,
            metadata: event.metadata,
        },
    })
}
