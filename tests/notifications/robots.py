"""Robots at the customers' addresses: what each answers to a mail, as such programs do."""

import smtplib
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import make_msgid, parseaddr


def plain(mail, subject, text, **headers):
    answer = EmailMessage()
    answer["Subject"], answer["From"], answer["Message-ID"] = subject, mail["To"], make_msgid()
    answer["In-Reply-To"] = answer["References"] = mail["Message-ID"].strip()
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    answer.set_content(text)
    return answer.as_bytes()


def vacation(mail):
    return plain(mail, f"Re: {mail['Subject']}", "I am away.", Auto_Submitted="auto-replied", Precedence="bulk")


def vacation_that_says_nothing_of_itself(mail):
    return plain(mail, f"Re: {mail['Subject']}", "I am away until Sunday, and read this then.")


def out_of_office(mail):
    return plain(mail, "Automatic reply: أنا خارج المكتب", "سأعود يوم الأحد.", X_Auto_Response_Suppress="All")


def nobody_reads_here(mail):
    return plain(mail, "Undeliverable", "This mailbox is not monitored.", X_Autoreply="yes")


def challenge(mail):
    return plain(mail, f"Confirm: {mail['Subject']}", "Answer this mail to show that you are human.")


def another_support(mail):
    return plain(mail, f"[#7224] {mail['Subject']}", "We have received your request.", X_Autoreply="yes")


def report(mail, kind, text):
    """A multipart/report: its words, what a program reads, and the names of the mail."""
    return f"""\
From: MAILER-DAEMON@example.org
Subject: Report
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="cut"

--cut
Content-Type: text/plain

{text}
--cut
Content-Type: message/{kind}

Final-Recipient: rfc822; {mail["To"]}
Action: failed
Status: 5.1.1

--cut
Content-Type: text/rfc822-headers

Message-ID: {mail["Message-ID"].strip()}

--cut--
""".encode()


def dsn_of_postfix(mail):
    return report(mail, "delivery-status", "I'm sorry to have to inform you")


def dsn_of_exim(mail):
    return plain(mail, "Mail delivery failed", f"550 {mail['To']}", X_Failed_Recipients=parseaddr(mail["To"])[1])


def dsn_of_qmail(mail):
    return plain(mail, "failure notice", "Hi. This is the qmail-send program at example.org.")


def read_receipt(mail):
    return report(mail, "disposition-notification", "The mail was displayed.")


def complaint(mail):
    return report(mail, "feedback-report", "This is an abuse report.")


def calendar_answer(mail):
    answer = BytesParser().parsebytes(
        plain(mail, f"Accepted: {mail['Subject']}", "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR")
    )
    answer.replace_header("Content-Type", 'text/calendar; method="REPLY"; charset="utf-8"')
    return answer.as_bytes()


def the_mail_itself(mail):
    """As it came, under the same names: a forwarding that leads back."""
    return mail.as_bytes()


ROBOTS = (
    vacation, vacation_that_says_nothing_of_itself, out_of_office, nobody_reads_here, challenge, another_support,
    dsn_of_postfix, dsn_of_exim, dsn_of_qmail, read_receipt, complaint, calendar_answer, the_mail_itself,
)  # fmt: skip
WITHOUT_SENDER = (dsn_of_postfix, dsn_of_exim, dsn_of_qmail)


def lines_of(mail):
    return mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def answer(robot, mail, envelope_sender, port):
    """Send what this robot answers to every address that the mail names as one to answer to; how many it went to."""
    names = [mail["Reply-To"], mail["From"], mail["Return-Path"], mail["Sender"]]
    addresses = {envelope_sender, *(parseaddr(str(name))[1] for name in names if name)} - {""}
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as line:
        for address in sorted(addresses):
            line.sendmail("" if robot in WITHOUT_SENDER else str(mail["To"]), [address], lines_of(robot(mail)))
    return len(addresses)
