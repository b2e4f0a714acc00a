"""Everything HTTP for users. So far the set-up documents of mail programs; JMAP and the web client will stand here.

    servers.py       what this service offers to mail programs, from the configuration; pure
    thunderbird.py   autoconfig
    outlook.py       Autodiscover, in its two forms
    apple.py         configuration profiles
    application.py   which address leads to which document
    guard.py         what holds for every answer: limits, headers, errors

The answers are the same for every address of a domain: nobody learns from them who has a mailbox.
"""
