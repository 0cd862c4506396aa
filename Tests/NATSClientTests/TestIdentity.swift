import TestKit

/// An operator, an account and a user of the tests' own, made once for them and good for nothing else. The tokens do not expire.
enum TestIdentity {
    static let userSeed = "SUAOQ4X27ID5T7VA4JM7CVF5P5PXPLNQ6QSD7WYXXKNTJJXPJ4KYSK22NE"
    static let userPublicKey = "UBRF3HQCSEOYQQZFPVNWAZRFTUDZ7BSAU7JN3JVCERG5F3WFBQTCVKJY"

    /// A server that trusts the operator and knows the account.
    static var operatorMode: NATSServer.Options {
        let account = "resolver: MEMORY\nresolver_preload: { ADF56ZPOH3VU2FQBK6X3WPI3ZUNWZATMQUO2AMZZYOJ4L2NCF7HEW3W3: \(accountToken) }"
        return NATSServer.Options(
            configuration: "operator: \(operatorToken)\n\(account)\nauthorization { timeout: 60 }",
            hasJetStream: false
        )
    }

    /// What a `.creds` file holds.
    static var credentials: String {
        """
        -----BEGIN NATS USER JWT-----
        \(userToken)
        ------END NATS USER JWT------

        -----BEGIN USER NKEY SEED-----
        \(userSeed)
        ------END USER NKEY SEED------
        """
    }

    private static let operatorToken = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJXSlkyQVlWSkpIRlZaQ0tVVUFaM0Y1Q0RDUEJITTNJMzNCSUVDNzZSUEZFRlZ\
        IQzRGTk5RIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPQ09CTjdVRUZPWEFDV1BLV1FBRFNDMlVFTDJFT0tWRElRWDJLTDRRQ01BMkRHVDNDR1pVQ0IyR\
        yIsIm5hbWUiOiJvcCIsInN1YiI6Ik9DT0JON1VFRk9YQUNXUEtXUUFEU0MyVUVMMkVPS1ZESVFYMktMNFFDTUEyREdUM0NHWlVDQjJHIiwibmF0cyI6eyJ\
        0eXBlIjoib3BlcmF0b3IiLCJ2ZXJzaW9uIjoyfX0.gW_fNF04UkeJMAjDdPub9iZ-\
        RS_c29cAiLy1hiyGGRebdnyKKZoBASsDYI5PTxPxHft36xK-57JG5eOXMERADQ
        """

    private static let accountToken = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJTNzdEVk00V1oyRU5GUTNKNFJGNFdIUE1BRUFaR0lBSlRKQTNFRFcyRUdDN09\
        NUFdNV0dBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPQ09CTjdVRUZPWEFDV1BLV1FBRFNDMlVFTDJFT0tWRElRWDJLTDRRQ01BMkRHVDNDR1pVQ0IyR\
        yIsIm5hbWUiOiJhY2MiLCJzdWIiOiJBREY1NlpQT0gzVlUyRlFCSzZYM1dQSTNaVU5XWkFUTVFVTzJBTVpaWU9KNEwyTkNGN0hFVzNXMyIsIm5hdHMiOns\
        ibGltaXRzIjp7InN1YnMiOi0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTEsImltcG9ydHMiOi0xLCJleHBvcnRzIjotMSwid2lsZGNhcmRzIjp0cnVlLCJjb\
        25uIjotMSwibGVhZiI6LTF9LCJkZWZhdWx0X3Blcm1pc3Npb25zIjp7InB1YiI6e30sInN1YiI6e319LCJ0eXBlIjoiYWNjb3VudCIsInZlcnNpb24iOjJ\
        9fQ.g5mt7ncHLyFlbYYwIswb93157Ae8oeXMu-xFL9l-gj1AU9eFx52v2OncBCz4F8wnaqpjuQhE2Jt1_NcegiN5Cg
        """

    private static let userToken = """
        eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJMQlU0RDJOVkNJQVY0V1pIWk5RQ0tZVU1DSlhGVkVRUVQzNTRDVUpaV1VVRUF\
        GVkVaN0NBIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBREY1NlpQT0gzVlUyRlFCSzZYM1dQSTNaVU5XWkFUTVFVTzJBTVpaWU9KNEwyTkNGN0hFVzNXM\
        yIsIm5hbWUiOiJ1c2VyIiwic3ViIjoiVUJSRjNIUUNTRU9ZUVFaRlBWTldBWlJGVFVEWjdCU0FVN0pOM0pWQ0VSRzVGM1dGQlFUQ1ZLSlkiLCJuYXRzIjp\
        7InB1YiI6e30sInN1YiI6e30sInN1YnMiOi0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTEsInR5cGUiOiJ1c2VyIiwidmVyc2lvbiI6Mn19.AFEINlPkHlRB\
        HKgl18ql1I1jKVhOjEnbt7_Pa7Q-EZZrBm-w_PXPqlvbne0Gmuzh6ApnwVzL6H67iXE3WQJaCQ
        """
}
