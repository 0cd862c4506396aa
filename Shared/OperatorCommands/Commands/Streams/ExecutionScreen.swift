import Synchronization

/// Shows lines that stay above one line that is replaced. Any thread.
final class ExecutionScreen: Sendable {
    /// Returns to the start of the line and erases it (ECMA-48 §8.3.41).
    private static let erase = "\r\u{1B}[K"

    private let pass: @Sendable (String) -> Void
    private let bar = Mutex<String?>(nil)

    init(pass: @escaping @Sendable (String) -> Void = { Console.pass(Array($0.utf8), isError: false) }) {
        self.pass = pass
    }

    func show(_ view: ExecutionProgress.View) {
        bar.withLock { bar in
            let erasing = bar == nil ? "" : Self.erase
            pass(erasing + view.lines.map { "\($0)\n" }.joined() + (view.bar ?? ""))
            bar = view.bar
        }
    }

    /// Erases the line that is replaced, before others write to the terminal.
    func clear() { show(ExecutionProgress.View()) }
}
