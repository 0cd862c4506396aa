extension DecisionOptions {
    /// The part of `--help` about decisions.
    public static let usage = """
        causeway-load --decisions: how many approvals a second an approval API decides, and how long an answer takes.

        The approval API (everything must already run; --edge, --edge-pid, --nats and --secret as above, all needed):
          --clients C[,C…]          clients at once, each with a connection it keeps; each number is a column (1,8,32)
          --approvals N             approvals decided in one measurement (2000)
          --group yes|no            approvals with a group, so that each decision is a vote that completes it (no)
          --rounds N                measurements of each; medians are printed (3)
          --tenant NAME             what the tenants' names begin with; each measurement has one of its own (load)
          --pin S,C                 processor S for the approval API, C for the load
        """
}
