import Basics
import EdgeRuntime
import EventLog
import EventModel

/// Encodes the workspace stream: JSON envelopes in text frames. Contract §5.
struct WorkspaceEncoder: StreamEncoder {
    /// Whether events carry their cursor, so that the client can resume.
    let carriesIDs: Bool
    /// Set if compression was negotiated.
    let deflater: Deflater?

    var name: String { "workspace" + (self.carriesIDs ? "+id" : "") + (self.deflater == nil ? "" : "+deflate") }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        self.appendFrame(to: &bytes) { WorkspaceFrameEncoding.appendEvent(entry.event, id: self.carriesIDs ? cursor : nil, to: &$0) }
    }

    func opening(_ opening: Opening) -> [UInt8] {
        opening.head
            + self.frame {
                WorkspaceFrameEncoding.appendConnected(workspace: opening.tenant, user: opening.user, time: opening.time, to: &$0)
            }
    }

    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] {
        self.frame { WorkspaceFrameEncoding.appendHeartbeat(time: time, isLive: isLive, id: self.carriesIDs ? cursor : nil, to: &$0) }
    }

    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] {
        self.frame { WorkspaceFrameEncoding.appendGap(gap, time: time, includesID: self.carriesIDs, to: &$0) }
    }

    func authenticated(until expiry: Timestamp, time: Timestamp) -> [UInt8] {
        self.frame { WorkspaceFrameEncoding.appendAuthenticated(until: expiry, time: time, to: &$0) }
    }

    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { WebSocketFrame.close(ending, on: .workspace) }

    private func appendFrame(to bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        if let deflater = self.deflater {
            WebSocketFrame.appendText(to: &bytes, compressedBy: deflater, body)
        } else {
            WebSocketFrame.appendText(to: &bytes, body)
        }
    }

    private func frame(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        self.appendFrame(to: &bytes, body)
        return bytes
    }
}
