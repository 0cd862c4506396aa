import DequeModule

/// Whose turn it is to be listened to.
extension LoopHub {
    /// A connection has something to say: it gets its turn at once if nobody waits and the round allows it. Nobody gets two turns in a round.
    func inputArrived(at connection: EdgeConnection) {
        guard self.speaking.isEmpty, self.inputLeft > 0 else { return self.listenLater(to: connection) }
        self.listen(to: connection)
    }

    /// A connection gets its turn behind those who wait already.
    func listenLater(to connection: EdgeConnection) {
        let isNew = connection.assumeIsolated { connection in
            defer { connection.isAwaitingInputTurn = true }
            return !connection.isAwaitingInputTurn
        }
        if isNew { self.speaking.append(connection) }
    }

    /// Gives those their turns who wait for one, as far as the round allows.
    func listenToWaiting() {
        var turns = self.speaking.count
        while turns > 0, self.inputLeft > 0, let connection = self.speaking.popFirst() {
            turns -= 1
            connection.assumeIsolated { $0.isAwaitingInputTurn = false }
            self.listen(to: connection)
        }
        self.inputLeft = InputBudget.round
    }

    private func listen(to connection: EdgeConnection) {
        let turn = connection.assumeIsolated { $0.takeInputTurn() }
        self.inputLeft -= turn.cost
        if turn.hasMore { self.listenLater(to: connection) }
    }
}
