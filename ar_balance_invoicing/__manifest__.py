{
    "name": "Account Balance Invoicing and Batch Write-Off",
    "summary": "What each customer's account owes, beside every invoice",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "license": "AGPL-3",
    "author": "ar_balance_invoicing maintainers",
    "depends": ["account"],
    "data": [
        "security/ar_balance_invoicing_security.xml",
        "security/ir.model.access.csv",
        "data/ir_cron.xml",
        "views/account_move_line_views.xml",
        "views/account_move_views.xml",
        "views/res_partner_views.xml",
        "views/ar_billing_period_views.xml",
        "views/ar_billing_service_views.xml",
        "views/ar_billing_profile_views.xml",
        "views/res_partner_billing_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "demo": [
        "demo/res_partner_demo.xml",
        "demo/documents_demo.xml",
    ],
    "assets": {
        "web.assets_tests": ["ar_balance_invoicing/static/tests/tours/**/*"],
    },
}
